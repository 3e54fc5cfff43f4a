"""The database away for a while: what a worker has in hand waits for it, as long as that is of use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from jobs.clock import Clock
from jobs.mishaps import is_outage

log = structlog.get_logger()

AGAIN = 1.0  # seconds

T = TypeVar("T")


async def wait_out(clock: Clock, work: Callable[[], Awaitable[T]], step: str, worth: Callable[[], bool]) -> T:
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
        await clock.sleep(AGAIN)
