"""The suppression list as operators see it: looked at, taken away as a file, one of it lifted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.erased import MARK, PSEUDONYM
from store.statements import TIME, rows, sql

# The order is the stable face of `kabar export suppressions`, which `kabar import suppressions` reads.
COLUMNS = (
    "kind",
    "channel",
    "customer_no",
    "address",
    "at",
    "reason",
    "source",
    "code",
    "recorded_at",
    "lifted_at",
    "lifted_by",
    "lift_reason",
    "suppression_id",
)
_SELECT = """SELECT x.kind, x.channel, p.customer_no, x.sort, x.value, x.at, x.evidence, x.source, x.code, x.recorded_at, x.lifted_at,
                    x.lifted_by, x.lift_evidence, x.id
             FROM suppressions x LEFT JOIN people p ON p.id = x.person_id"""
_EXPORT = sql(
    f"""{_SELECT} WHERE (:lifted OR x.lifted_at IS NULL) AND (CAST(:since AS timestamptz) IS NULL OR x.recorded_at >= :since)
          AND coalesce(x.value, p.customer_no) NOT LIKE ALL ('{{{MARK}%,{PSEUDONYM}%}}')
        ORDER BY x.id""",
    since=TIME,
)
_NEWEST = sql(
    f"""{_SELECT} WHERE (:lifted OR x.lifted_at IS NULL) AND (CAST(:kind AS text) IS NULL OR x.kind = :kind)
          AND (CAST(:channel AS text) IS NULL OR x.channel = :channel OR x.sort = :sort)
        ORDER BY x.id DESC LIMIT :limit"""
)
_COUNTS = sql(
    """SELECT kind, coalesce(channel, sort) AS of, count(*) FILTER (WHERE lifted_at IS NULL) AS live,
              count(*) FILTER (WHERE lifted_at IS NOT NULL) AS lifted
       FROM suppressions GROUP BY 1, 2 ORDER BY 1, 2"""
)
_LIFT = sql(
    """UPDATE suppressions SET lifted_at = :now, lifted_by = :by, lift_evidence = :evidence WHERE id = :id AND lifted_at IS NULL
       RETURNING kind, channel, sort"""
)
_EXISTS = sql("SELECT lifted_at FROM suppressions WHERE id = :id")
_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Count:
    """of: the channel whose offers are refused, or the sort of address that is dead."""

    kind: str
    of: str
    live: int
    lifted: int


async def counts(connection: AsyncConnection) -> list[Count]:
    return [Count(**row._asdict()) for row in await rows(connection, _COUNTS)]


async def newest(
    connection: AsyncConnection, *, kind: str | None, channel: str | None, sort: str | None, lifted: bool, limit: int
) -> Sequence[Row[Any]]:
    """The last ones recorded, the newest first: (kind, channel, customer_no, sort, value, at, evidence, source, code, …, id)."""
    return await rows(connection, _NEWEST, kind=kind, channel=channel, sort=sort, lifted=lifted, limit=limit)


async def stream(connection: AsyncConnection, since: datetime | None, *, lifted: bool) -> AsyncIterator[Sequence[Row[Any]]]:
    """Batches of rows like those of `newest`, the oldest first, from a cursor of the server. since: of recorded_at."""
    result = await connection.stream(_EXPORT, {"since": since, "lifted": lifted}, execution_options={"yield_per": _BATCH})
    async for part in result.partitions(_BATCH):
        yield part


async def lift(connection: AsyncConnection, suppression_id: int, *, by: str, evidence: str, now: datetime) -> Row[Any] | None:
    """(kind, channel, sort) of what holds no more; None when nothing of this id was in force."""
    found = await rows(connection, _LIFT, id=suppression_id, by=by, evidence=evidence, now=now)
    return found[0] if found else None


async def known(connection: AsyncConnection, suppression_id: int) -> bool:
    """Is there one of this id, in force or not?"""
    return bool(await rows(connection, _EXISTS, id=suppression_id))
