"""A person's word on messages that may have gone out: as a receipt of the provider would move them, and weaker than one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store import digests
from store.statements import LONGS, rows, run, sql

# In the order of their ids, so that two people with overlapping lists wait for each other and nobody for ever.
_LOOK = sql(
    """SELECT m.id, m.status, m.trail -> -1 ->> 'by' AS by FROM messages m WHERE m.id IN (SELECT unnest(:ids))
       ORDER BY m.id FOR UPDATE OF m""",
    ids=LONGS,
)
_SAID = """trail = m.trail || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
              'at', CAST(:now AS timestamptz), 'is', 'resolved', 'why', m.reason, 'to', '{to}', 'by', CAST(:by AS text),
              'evidence', CAST(:evidence AS text))))"""
_WENT = sql(
    f"""UPDATE messages m SET status = 'sent', reason = 'resolved_sent',
              sent_at = coalesce(m.sent_at, m.doubted_at, :now), doubted_at = NULL,
              settled_at = coalesce(m.settled_at, :now), {_SAID.format(to="sent")}
        FROM unnest(:ids) AS v(id) WHERE m.id = v.id AND m.status = 'unknown'""",
    ids=LONGS,
)
_DID_NOT = sql(
    f"""UPDATE messages m SET status = 'failed', reason = 'resolved_failed', settled_at = :now, doubted_at = NULL,
              {_SAID.format(to="failed")}
        FROM unnest(:ids) AS v(id) WHERE m.id = v.id AND m.status = 'unknown'""",
    ids=LONGS,
)


@dataclass(frozen=True, slots=True)
class Other:
    """A message that is not in doubt. status None: there is none of this id. by: who moved it last, where a person did."""

    id: int
    status: str | None
    by: str | None


async def resolve(
    connection: AsyncConnection, ids: Sequence[int], *, went: bool, by: str, evidence: str | None, now: datetime
) -> list[Other]:
    """All of them, or none: then those that stand in the way are returned."""
    found = {row.id: row for row in await rows(connection, _LOOK, ids=list(ids))}
    others = [
        Other(each, found[each].status if each in found else None, found[each].by if each in found else None)
        for each in ids
        if each not in found or found[each].status != "unknown"
    ]
    if others:
        return others
    await run(connection, _WENT if went else _DID_NOT, ids=list(ids), by=by, evidence=evidence, now=now)
    if not went:
        # As a receipt that says so: what it carried was not delivered either.
        await digests.refused_late(connection, ids, now)
    return []
