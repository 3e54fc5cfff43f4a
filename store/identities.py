"""Addresses that providers tell of: another one of a person, and one that is not theirs any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from store.erased import address
from store.statements import LONGS, TEXTS, rows, run, sql

# An address of somebody else is never given to a second person: that would join what only people may join.
_LEARN = sql(
    """INSERT INTO addresses (person_id, sort, kind, value, learned_at, evidence)
       SELECT v.person_id, :sort, v.kind, v.value, :now, v.evidence FROM unnest(:people, :kinds, :values, :evidence)
              AS v(person_id, kind, value, evidence)
       WHERE NOT EXISTS (SELECT FROM addresses a WHERE a.sort = :sort AND a.value = v.value AND a.person_id <> v.person_id)
       ON CONFLICT (person_id, sort, value) DO NOTHING RETURNING person_id, value""",
    people=LONGS,
    kinds=TEXTS,
    values=TEXTS,
    evidence=TEXTS,
)
# What was said of one before it was forgotten holds for whoever has it now.
_REVEAL = sql(
    f"""INSERT INTO suppressions (kind, channel, sort, value, at, recorded_at, source, code, evidence)
        SELECT x.kind, x.channel, v.sort, v.value, x.at, x.recorded_at, x.source, x.code, x.evidence
        FROM (SELECT CAST(:sort AS text) AS sort, value FROM unnest(:values) AS u(value)) v
        JOIN suppressions x ON x.value = {address("v")} AND x.sort = v.sort AND x.lifted_at IS NULL
        ORDER BY 4, 2, x.id ON CONFLICT DO NOTHING""",
    values=TEXTS,
)
_OWNED = sql(
    "SELECT person_id, value FROM addresses WHERE sort = :sort AND value = ANY(:values)",
    values=TEXTS,
)

_RECIPIENTS = sql(
    """SELECT m.id, m.person_id, r.campaign,
              (SELECT t.address_id FROM attempts t WHERE t.message_id = m.id ORDER BY t.id DESC LIMIT 1) AS address_id
       FROM messages m JOIN runs r ON r.id = m.run_id WHERE m.id = ANY(:ids)""",
    ids=LONGS,
)


class Recipient(NamedTuple):
    """Of a message: its person, the address it last went to, its campaign."""

    person_id: int
    address_id: int | None
    campaign: str


@dataclass(frozen=True, slots=True)
class Learned:
    """An address a provider told of. evidence: the event it came with."""

    person_id: int
    kind: str
    value: str
    evidence: str


async def learn(connection: AsyncConnection, sort: str, told: Sequence[Learned], now: datetime) -> int:
    """Keep what is new; how many were."""
    if not told:
        return 0
    found = await rows(
        connection,
        _LEARN,
        sort=sort,
        now=now,
        people=[item.person_id for item in told],
        kinds=[item.kind for item in told],
        values=[item.value for item in told],
        evidence=[item.evidence for item in told],
    )
    if found:
        await run(connection, _REVEAL, sort=sort, values=[row.value for row in found])
    return len(found)


async def owned(connection: AsyncConnection, sort: str, values: Sequence[str]) -> set[tuple[int, str]]:
    """(person id, value) of those of the addresses that are known."""
    return {(row.person_id, row.value) for row in await rows(connection, _OWNED, sort=sort, values=list(values))}


async def recipients(connection: AsyncConnection, messages: Sequence[int]) -> dict[int, Recipient]:
    """Message id → who it went to."""
    if not messages:
        return {}
    return {
        row.id: Recipient(row.person_id, row.address_id, row.campaign) for row in await rows(connection, _RECIPIENTS, ids=list(messages))
    }
