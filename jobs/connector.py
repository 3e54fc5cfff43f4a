"""procrastinate's way to the database: an outage is waited out here, so that it ends no worker and nobody's jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, LiteralString, TypeVar

import structlog
from procrastinate import PsycopgConnector
from procrastinate.connector import Notify
from procrastinate.exceptions import ConnectorException

from jobs.mishaps import is_outage
from store.connection import Patient

log = structlog.get_logger()

AGAIN = 1.0  # seconds
RECONNECT_AFTER = 2.0
# Of the pool, in seconds. It waits twice as long after each failed try to connect, up to minutes: short of patience it begins anew.
_WAIT, _RETRY = 5.0, 2.0

T = TypeVar("T")


class Connector(PsycopgConnector):
    """`closing`: set when the process stops, from when on nothing is waited for."""

    def __init__(self, conninfo: str, closing: asyncio.Event) -> None:
        super().__init__(conninfo=conninfo, min_size=1, max_size=6, timeout=_WAIT, reconnect_timeout=_RETRY, connection_class=Patient)
        self._closing = closing

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        await self._wait_out(lambda: super(Connector, self).execute_query_async(query, **arguments))

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        return await self._wait_out(lambda: super(Connector, self).execute_query_one_async(query, **arguments))

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        return await self._wait_out(lambda: super(Connector, self).execute_query_all_async(query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Without it a worker still asks each second."""
        heard = list(channels)
        while True:
            try:
                await super().listen_notify(on_notification, heard)
            except ConnectorException:
                log.warning("listener.lost", reconnect_after=RECONNECT_AFTER)
            await asyncio.sleep(RECONNECT_AFTER)

    async def _wait_out(self, work: Callable[[], Awaitable[T]]) -> T:
        told = False
        while True:
            try:
                return await work()
            except ConnectorException as error:
                if self._closing.is_set() or error.__cause__ is None or not is_outage(error.__cause__):
                    raise
                if not told:
                    log.warning("queue.away", error=type(error.__cause__).__name__)
                    told = True
                # What is left of the pool is as old as what failed.
                await self.pool.drain()
            await asyncio.sleep(AGAIN)
