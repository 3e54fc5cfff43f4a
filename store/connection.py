"""A connection to PostgreSQL that is patient with a server at work, and not with one that has fallen silent."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Coroutine
from math import ceil
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import Notify
from psycopg.abc import PQGen

SILENCE = 5.0  # seconds without an answer until the server is asked on another connection what it is doing
ASKED = 3.0  # it has so long to say
AGAIN = 1.0  # an answer may be on its way just when the server says that it is done: it gets so much longer
BOUND = SILENCE + ASKED + 2 * AGAIN  # after which a statement that nobody works on has failed
ALIVE = 15.0  # a listener that hears nothing asks so often whether its server is still there
EVER = 1e9

T = TypeVar("T")

_AT_WORK = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'active')"


class Patient(psycopg.AsyncConnection[Any]):
    """Waits for a statement as long as the server works on it, be it hours, and for no more than BOUND when it does not.

    A network that swallows packets, a middle box that forgot the connection and a server that is stopped give no error of their own. The
    connection is then shut, so that whoever waits gets an OperationalError. Who waits with a timeout of his own is not disturbed.
    """

    silence, asked, again = SILENCE, ASKED, AGAIN

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> Coroutine[Any, Any, T]:
        return self._watched(gen, interval) if timeout is None else super().wait(gen, interval, timeout)

    async def _watched(self, gen: PQGen[T], interval: float) -> T:
        watching: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        silent = loop.call_later(self.silence, lambda: watching.append(loop.create_task(self._watch())))
        try:
            return await super().wait(gen, interval)
        finally:
            silent.cancel()
            for task in watching:
                task.cancel()

    def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> AsyncGenerator[Notify]:
        """To be told nothing is no silence."""
        return super().notifies(timeout=EVER if timeout is None else timeout, stop_after=stop_after)

    async def _watch(self) -> None:
        missed = 0
        while (at_work := await self._is_at_work()) is not None:
            missed = 0 if at_work else missed + 1
            if missed == 2:
                break
            await asyncio.sleep(self.again if missed else self.silence)
        self._shut()

    async def _is_at_work(self) -> bool | None:
        """What the server says on another connection; None when it does not say."""
        try:
            async with asyncio.timeout(self.asked), await psycopg.AsyncConnection.connect(autocommit=True, **self._parameters()) as asking:
                row = await (await asking.execute(_AT_WORK, [self.info.backend_pid])).fetchone()
                return bool(row and row[0])
        except (psycopg.Error, OSError) as error:
            # It has no connection left for us, but it lives.
            return True if "FATAL:" in str(error) else None

    def _parameters(self) -> dict[str, Any]:
        """What this connection was made with, the password included; the time to connect is ours."""
        given = {option.keyword.decode(): option.val.decode() for option in self.pgconn.info if option.val is not None}
        return {**given, "connect_timeout": ceil(self.asked)}

    def _shut(self) -> None:
        """Both ways, so that the wait ends as if the server had hung up; the descriptor stays psycopg's to close."""
        with socket.socket(fileno=os.dup(self.pgconn.socket)) as twin:
            twin.shutdown(socket.SHUT_RDWR)


async def hear(conninfo: str, channel: LiteralString) -> AsyncGenerator[str | None]:
    """None as soon as nothing is missed any more, then what NOTIFY says. Raises psycopg.Error or OSError at the connection's end."""
    async with await Patient.connect(conninfo, autocommit=True) as connection:
        await connection.execute(f"LISTEN {channel}")
        yield None
        while True:
            async for note in connection.notifies(timeout=ALIVE):
                yield note.payload
            await connection.execute("SELECT 1")
