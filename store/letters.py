"""Dead letters and doubtful messages as people look at them: by cause with counts, or one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.replay import CAUSE, CHOSEN, FATE, LETTERS, Chosen, choice
from store.statements import LONGS, TEXTS, rows, sql

_GROUPS = sql(
    f"""SELECT channel, reason, count(*) AS n, min(at) AS oldest, max(at) AS newest,
               count(*) FILTER (WHERE fate = 'replayed') AS replayable, count(*) FILTER (WHERE maybe_duplicate) AS repeated
        FROM (SELECT m.channel, coalesce(m.reason, '') AS reason, m.settled_at AS at, m.maybe_duplicate,
                     CASE m.status WHEN 'failed' THEN {FATE} END AS fate
              FROM {LETTERS} WHERE m.status = :status AND {CHOSEN}) f
        GROUP BY 1, 2 ORDER BY n DESC, 1, 2""",
    channels=TEXTS,
    sorts=TEXTS,
    ids=LONGS,
)
_EACH = sql(
    f"""SELECT m.id, r.campaign, r.occurrence, p.customer_no, m.channel, coalesce(m.reason, '') AS reason, {CAUSE} AS cause,
               m.settled_at AS at, m.attempts, m.maybe_duplicate, m.provider_id, CASE m.status WHEN 'failed' THEN {FATE} END AS fate
        FROM {LETTERS} JOIN people p ON p.id = m.person_id WHERE m.status = :status AND {CHOSEN}
        ORDER BY m.settled_at DESC NULLS LAST, m.id DESC LIMIT :limit""",
    channels=TEXTS,
    sorts=TEXTS,
    ids=LONGS,
)


@dataclass(frozen=True, slots=True)
class Group:
    """One reason on one channel. replayable: would go back if replayed now. repeated: flagged `maybe_duplicate`."""

    channel: str
    reason: str
    n: int
    oldest: datetime | None
    newest: datetime | None
    replayable: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One of them, without any address. fate: what a replay would do, as store.replay.Replayed; None of a doubtful one."""

    id: int
    campaign: str
    occurrence: str
    customer_no: str
    channel: str
    reason: str
    cause: str
    at: datetime | None
    attempts: int
    maybe_duplicate: bool
    provider_id: str | None
    fate: str | None


async def groups(
    connection: AsyncConnection, status: str, chosen: Chosen, *, sorts: Mapping[str, str | None], now: datetime
) -> list[Group]:
    """status: failed or unknown. The most frequent cause first."""
    found = await rows(connection, _GROUPS, **choice(chosen, sorts, now), status=status)
    return [Group(**row._asdict()) for row in found]


async def each(
    connection: AsyncConnection, status: str, chosen: Chosen, *, sorts: Mapping[str, str | None], now: datetime, limit: int
) -> Sequence[Letter]:
    """The newest first."""
    found = await rows(connection, _EACH, **choice(chosen, sorts, now), status=status, limit=limit)
    return [Letter(**row._asdict()) for row in found]
