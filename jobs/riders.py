"""What a released message carries since an earlier release is judged once more, and goes back when it may not go with it now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import facts
from jobs.catalog import Published
from rules.digest import Outcome
from rules.facts import Candidate, Contact, Merge, Person, Release
from rules.riders import left_behind
from store import digests

log = structlog.get_logger()


async def look_again(
    connection: AsyncConnection,
    published: Published,
    outcomes: Sequence[Outcome],
    people: Mapping[int, Person],
    history: Mapping[int, Sequence[Contact]],
    now: datetime,
) -> None:
    """In the transaction that releases the carriers. What goes back waits again, for every rule."""
    released = [candidate.id for candidate, verdict in outcomes if isinstance(verdict, Release)]
    if not (published.digests and released):
        return
    new = {candidate.id for candidate, verdict in outcomes if isinstance(verdict, Merge)}
    riders = [(_rider(row, published), row.carrier_id) for row in await digests.aboard(connection, released) if row.id not in new]
    left = left_behind(riders, outcomes, people, history, published.policy, published.calendar, now)
    if await digests.put_back(connection, left, now):
        log.warning("digest.put_back", messages=len(left))


def _rider(row: Any, published: Published) -> Candidate:
    found = facts.waiting(row, published, {row.run_id: row.campaign}, {})
    return replace(found, queue_until=None) if row.tried else found  # it did get its turn, inside the carrier
