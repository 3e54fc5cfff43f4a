"""Two workers who settle at once take their locks in one order; should they wait for each other all the same, no answer is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import OperationalError

from channels.base import Outcome
from channels.signals import StopCampaign, StopChannel

log = structlog.get_logger()

TRIES = 3
DEADLOCK = "40P01"  # SQLSTATE of the one PostgreSQL chose to end

Told = TypeVar("Told", bound=tuple[Any, Outcome])
T = TypeVar("T")


def in_order(told: Sequence[Told]) -> list[Told]:
    """(item, outcome) as their signals are to be acted on: stops of campaigns by name, then of the channel, the account's row last."""

    def place(each: Told) -> tuple[int, str]:
        item, outcome = each
        if isinstance(outcome.signal, StopCampaign):
            return 0, item.row.campaign
        return (1, "") if isinstance(outcome.signal, StopChannel) else (2, "")

    return sorted(told, key=place)


async def despite_deadlocks(work: Callable[[], Awaitable[T]]) -> T:
    """One transaction, again from its beginning when it was ended for another's sake. Raises OperationalError after three times."""
    for _ in range(TRIES - 1):
        try:
            return await work()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != DEADLOCK:
                raise
            log.warning("settle.deadlock")
    return await work()
