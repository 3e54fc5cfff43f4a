"""What could not be worked on and does not stand in the way any more: runs, customer events, stored receipts; and their way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, TIME, rows, run, sql

# Of a message it is the reason of `failed`, and `kabar replay` is its way back.
REASON = "set_aside"

_RUN = sql("UPDATE runs SET status = 'failed', reason = :why WHERE id = :id AND status = 'due'")
_EVENTS = sql(
    """UPDATE events e SET planned_at = :now, error = v.error FROM unnest(:ids, :errors) AS v(id, error)
       WHERE e.id = v.id AND e.planned_at IS NULL""",
    ids=LONGS,
    errors=TEXTS,
)
_LIST = sql(
    """SELECT 'run' AS kind, id, campaign || ' ' || occurrence AS what, reason AS error, due_at AS at FROM runs WHERE status = 'failed'
       UNION ALL SELECT 'event', id, name, error, received_at FROM events WHERE error IS NOT NULL
       UNION ALL SELECT 'receipt', id, source, error, received_at FROM receipts WHERE error IS NOT NULL
       ORDER BY at DESC, kind, id LIMIT :limit"""
)
_COUNT = sql(
    """SELECT (SELECT count(*) FROM runs WHERE status = 'failed') AS runs,
              (SELECT count(*) FROM events WHERE error IS NOT NULL) AS events,
              (SELECT count(*) FROM receipts WHERE error IS NOT NULL AND applied_at >= coalesce(:since, '-infinity')) AS receipts""",
    since=TIME,
)
_RETRY_RUNS = sql(
    """UPDATE runs SET status = 'due', reason = NULL
       WHERE status = 'failed' AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(:ids))""",
    ids=LONGS,
)
_RETRY_EVENTS = sql(
    """UPDATE events SET planned_at = NULL, error = NULL
       WHERE error IS NOT NULL AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(:ids))""",
    ids=LONGS,
)
_RETRY_RECEIPTS = sql(
    """UPDATE receipts SET applied_at = NULL, retry_at = NULL, error = NULL
       WHERE error IS NOT NULL AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(:ids))""",
    ids=LONGS,
)
_RETRY = {"run": _RETRY_RUNS, "event": _RETRY_EVENTS, "receipt": _RETRY_RECEIPTS}
KINDS = tuple(_RETRY)


@dataclass(frozen=True, slots=True)
class SetAside:
    """kind: run, event or receipt. what: campaign and occurrence, the event's name, or the receipt's channel. error: nobody's data."""

    kind: str
    id: int
    what: str
    error: str
    at: datetime


async def run_failed(connection: AsyncConnection, run_id: int, why: str) -> bool:
    """The run is not planned until somebody retries it."""
    return await run(connection, _RUN, id=run_id, why=why) > 0


async def events_failed(connection: AsyncConnection, errors: Sequence[tuple[int, str]], now: datetime) -> None:
    """(event id, why) each. Campaigns that could take the event have it."""
    if errors:
        await run(connection, _EVENTS, ids=[item[0] for item in errors], errors=[item[1] for item in errors], now=now)


async def every(connection: AsyncConnection, limit: int = 100) -> list[SetAside]:
    """The newest first."""
    return [SetAside(**row._asdict()) for row in await rows(connection, _LIST, limit=limit)]


async def counts(connection: AsyncConnection, receipts_since: datetime | None = None) -> dict[str, int]:
    """{runs, events, receipts}: how many of each; of the receipts those set aside since."""
    return dict((await rows(connection, _COUNT, since=receipts_since))[0]._asdict())


async def retry(connection: AsyncConnection, kind: str, ids: Sequence[int] | None = None) -> int:
    """Once more, by today's code and configuration; None = all of the kind. Nothing is doubled: every stage knows what it has."""
    return await run(connection, _RETRY[kind], ids=None if ids is None else list(ids))
