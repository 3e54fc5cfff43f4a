"""The database away for a while: what a worker has in hand waits for it, as long as that is of use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree

log = structlog.get_logger()

AGAIN = 1.0  # seconds

T = TypeVar("T")


def is_outage(error: BaseException) -> bool:
    """Was it the connection or the server, so that the same work may succeed later?"""
    return isinstance(error, OSError | OperationalError | InterfaceError | NoneFree) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


async def wait_out(work: Callable[[], Awaitable[T]], step: str, worth: Callable[[], bool]) -> T:
    """One transaction, again from its beginning until the database is back. Raises what happened when it is not worth it any more."""
    tries = 0
    while True:
        try:
            return await work()
        except Exception as error:
            if not is_outage(error) or not worth():
                raise
            tries += 1
            if tries == 1:
                log.warning("dispatch.waits", step=step, error=type(error).__name__)
        await asyncio.sleep(AGAIN)
