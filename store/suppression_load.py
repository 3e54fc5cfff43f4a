"""A list of suppressions into the table: staged in batches, then added as one set in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from store import changes, moving_on
from store.engine import driver
from store.erased import stored
from store.statements import TEXTS, rows, run, sql
from store.suppressed import key
from store.suppressions import Source


class Staged(NamedTuple):
    """One accepted row. Either customer_no, or sort and value; value as suppressions have it. at None: now."""

    line: int
    kind: str
    channel: str | None
    customer_no: str | None
    sort: str | None
    value: str | None
    at: datetime | None
    code: str | None
    evidence: str


_CREATE = sql(
    """CREATE TEMP TABLE staged_suppressions (
         line bigint NOT NULL, kind text NOT NULL, channel text, customer_no text, sort text, value text, at timestamptz, code text,
         evidence text NOT NULL, person_id bigint) ON COMMIT DROP"""
)
_ADDED = sql("CREATE TEMP TABLE added_suppressions (kind text, channel text, person_id bigint, sort text, value text) ON COMMIT DROP")
_COPY = f"COPY staged_suppressions ({', '.join(Staged._fields)}) FROM STDIN"
_ANALYZE = sql("ANALYZE staged_suppressions")
_NAME = sql("UPDATE staged_suppressions s SET person_id = p.id FROM people p WHERE p.customer_no = s.customer_no")
_NOBODY = sql("DELETE FROM staged_suppressions WHERE customer_no IS NOT NULL AND person_id IS NULL RETURNING line")
# What was lifted after it was said is no news; what is said of somebody who is on the list already changes nothing.
_ADD = sql(
    f"""WITH added AS (
         INSERT INTO suppressions (kind, channel, person_id, sort, value, at, recorded_at, source, code, evidence)
         SELECT s.kind, s.channel, s.person_id, s.sort, {stored("s")}, coalesce(s.at, :now), :now, :source, s.code, s.evidence
         FROM staged_suppressions s
         WHERE NOT EXISTS (SELECT FROM suppressions x WHERE x.person_id = s.person_id AND x.kind = s.kind AND x.channel = s.channel
                           AND x.lifted_at >= coalesce(s.at, :now))
           AND NOT EXISTS (SELECT FROM suppressions x WHERE x.value = s.value AND x.sort = s.sort AND x.kind = s.kind
                           AND x.channel IS NOT DISTINCT FROM s.channel AND x.lifted_at >= coalesce(s.at, :now))
         ORDER BY 5, s.person_id, s.line
         ON CONFLICT DO NOTHING RETURNING kind, channel, person_id, sort, value)
       INSERT INTO added_suppressions SELECT * FROM added"""
)
_REFUSED = f"""WITH refused AS MATERIALIZED (
          SELECT n.person_id, n.channel FROM added_suppressions n WHERE n.person_id IS NOT NULL
          UNION
          SELECT a.person_id, n.channel FROM added_suppressions n JOIN addresses a ON {key("a")} = n.value AND a.sort = n.sort
          WHERE n.kind <> 'address')"""
_OF_CHANNEL = sql(f"{_REFUSED} SELECT person_id FROM refused WHERE channel = :channel")
_ABOUT_TO_LEAVE = sql(
    f"""{_REFUSED} SELECT DISTINCT r.person_id, r.channel FROM refused r
        JOIN messages m ON m.person_id = r.person_id AND m.channel = r.channel AND m.status = 'released' AND m.fallback <> '{{}}'"""
)
# As store.withdrawal, for all of a file at once.
_STOP = sql(
    f"""{_REFUSED},
        offered AS MATERIALIZED (
          SELECT m.id, m.channel FROM refused r
          JOIN messages m ON m.person_id = r.person_id AND m.channel = r.channel AND m.status IN ('queued', 'deferred')
          WHERE m.category = ANY(:offers) AND m.fallback = '{{}}' FOR UPDATE OF m SKIP LOCKED)
        UPDATE messages m SET status = 'suppressed', reason = 'opted_out:' || o.channel, settled_at = :now, next_attempt_at = NULL,
               trail = m.trail || jsonb_build_array(jsonb_build_object(
                 'at', CAST(:now AS timestamptz), 'is', 'suppressed', 'why', 'opted_out:' || o.channel))
        FROM offered o WHERE m.id = o.id AND m.status IN ('queued', 'deferred')""",
    offers=TEXTS,
)


async def prepare(connection: AsyncConnection) -> None:
    """Create the staging tables, which vanish at the end of the transaction."""
    await run(connection, _CREATE)
    await run(connection, _ADDED)


async def stage(connection: AsyncConnection, staged: Iterable[Staged]) -> None:
    """Add a batch."""
    raw = await driver(connection)
    async with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in staged:
            await copy.write_row(row)


async def nobodys(connection: AsyncConnection) -> list[int]:
    """Lines that name a customer number nobody has; they are staged no more."""
    await connection.execute(_ANALYZE)
    await run(connection, _NAME)
    return sorted(row.line for row in await rows(connection, _NOBODY))


async def add(connection: AsyncConnection, offers: Sequence[str], now: datetime) -> tuple[int, int]:
    """(how many were new, how many waiting messages of the categories `offers` will not go)."""
    new = await run(connection, _ADD, source=Source.IMPORT, now=now)
    if not new:
        return 0, 0
    await changes.tell(connection, {row.person_id for row in await rows(connection, _OF_CHANNEL, channel=changes.CHANNEL)})
    leaving = [(row.person_id, row.channel) for row in await rows(connection, _ABOUT_TO_LEAVE)]
    await moving_on.turn_back(connection, leaving, offers, now)
    return new, await run(connection, _STOP, offers=list(offers), now=now)
