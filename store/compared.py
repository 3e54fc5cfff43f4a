"""What became of each message in a rehearsal, in an order in which two rehearsals can be laid side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import INTS, LONGS, rows, sql


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run that is planned, or was."""

    id: int
    campaign: str
    occurrence: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One message at the end of a rehearsal.

    run:   the number its run was given for the comparison; with person and event it says which message this is
    at:    when it went, was dropped, or is looked at again; None = it waits for its turn
    trail: the valve's decisions as JSON, read only where something differs
    """

    run: int
    person_id: int
    event_ref: int
    channel: str
    customer_no: str
    campaign: str
    occurrence: str
    status: str
    reason: str | None
    window_key: str
    queued_at: datetime
    at: datetime | None
    trail: str


_RUNS = sql("SELECT id, campaign, occurrence FROM runs WHERE status <> 'skipped' ORDER BY campaign, occurrence")
# What was over before the rehearsal began is history, the same for both.
_OUTCOMES = sql(
    """SELECT k.number, m.person_id, m.event_ref, m.channel, p.customer_no, r.campaign, r.occurrence, m.status, m.reason, m.window_key,
              m.queued_at, CASE WHEN m.status IN ('queued', 'deferred') THEN m.next_attempt_at
                                WHEN m.status = 'merged' THEN coalesce(c.sent_at, c.released_at, m.settled_at)
                                ELSE coalesce(m.sent_at, m.settled_at, m.released_at) END AS at, CAST(m.trail AS text) AS trail
       FROM unnest(:runs, :numbers) AS k(run_id, number) JOIN runs r ON r.id = k.run_id JOIN messages m ON m.run_id = k.run_id
       JOIN people p ON p.id = m.person_id LEFT JOIN messages c ON c.id = m.carrier_id
       WHERE m.queued_at >= :since OR m.sent_at >= :since OR m.settled_at >= :since OR m.status IN ('queued', 'deferred')
       ORDER BY k.number, m.person_id, m.event_ref, m.channel""",
    runs=LONGS,
    numbers=INTS,
)
_CAMPAIGNS = sql(
    """SELECT m.id, r.campaign FROM unnest(:ids) AS wanted(id) JOIN messages m ON m.id = wanted.id JOIN runs r ON r.id = m.run_id""",
    ids=LONGS,
)
_PAGE = 2_000


async def runs(connection: AsyncConnection) -> list[RunRow]:
    """Every run that was not skipped, by campaign and occurrence."""
    return [RunRow(row.id, row.campaign, row.occurrence) for row in await rows(connection, _RUNS)]


async def outcomes(connection: AsyncConnection, numbers: Mapping[int, int], since: datetime) -> AsyncIterator[Sequence[Outcome]]:
    """In pages, by (run's number, person, event, channel). numbers: run id → its number in the comparison."""
    values = {"runs": list(numbers), "numbers": list(numbers.values()), "since": since}
    async with connection.stream(_OUTCOMES, values) as result:
        async for page in result.partitions(_PAGE):
            yield [Outcome(*row) for row in page]


async def campaigns_of(connection: AsyncConnection, ids: list[int]) -> dict[int, str]:
    """Message id → its campaign, of those that are there."""
    return {row.id: row.campaign for row in await rows(connection, _CAMPAIGNS, ids=ids)}
