"""Where messages went, and what their addresses have given back since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, rows, sql

_SENT_TO = sql(
    """SELECT DISTINCT t.message_id, m.person_id, a.id, a.value, m.read_at IS NOT NULL AS read
       FROM unnest(:ids) AS v(id) JOIN attempts t ON t.message_id = v.id JOIN messages m ON m.id = v.id
       JOIN addresses a ON a.id = t.address_id AND a.sort = :sort""",
    ids=LONGS,
)
# What one address gave back since something last arrived there. By the person, whose interactions have an index.
_WORN_OUT = sql(
    """SELECT a.value, told.times FROM unnest(:ids) AS v(id) JOIN addresses a ON a.id = v.id
       CROSS JOIN LATERAL (
         SELECT max(i.at) AS at FROM interactions i
         WHERE i.person_id = a.person_id AND i.kind IN ('delivered', 'read', 'clicked')
           AND EXISTS (SELECT FROM attempts t WHERE t.message_id = i.message_id AND t.address_id = a.id)) arrived
       CROSS JOIN LATERAL (
         SELECT count(DISTINCT i.message_id) AS times, max(i.at) - min(i.at) AS span FROM interactions i
         WHERE i.person_id = a.person_id AND i.kind = 'failed' AND i.channel = :channel AND split_part(i.detail, ':', 3) = ANY(:reasons)
           AND i.at > coalesce(arrived.at, '-infinity')
           AND EXISTS (SELECT FROM attempts t WHERE t.message_id = i.message_id AND t.address_id = a.id)) told
       WHERE told.times >= :times AND told.span >= :span""",
    ids=LONGS,
    reasons=TEXTS,
)


@dataclass(frozen=True, slots=True)
class SentTo:
    """One address that one message was tried at. read: whether somebody read it."""

    message_id: int
    person_id: int
    id: int
    value: str
    read: bool


async def sent_to(connection: AsyncConnection, sort: str, messages: Sequence[int]) -> list[SentTo]:
    """sort: of the channel's addresses."""
    if not messages:
        return []
    return [SentTo(**row._asdict()) for row in await rows(connection, _SENT_TO, ids=sorted(set(messages)), sort=sort)]


async def worn_out(
    connection: AsyncConnection, addresses: Sequence[int], *, channel: str, reasons: Sequence[str], times: int, span: timedelta
) -> list[tuple[str, int]]:
    """(address, how many messages it gave back) of those that did so often enough, for long enough, and took nothing meanwhile."""
    if not addresses or times == 0:
        return []
    found = await rows(connection, _WORN_OUT, ids=sorted(set(addresses)), channel=channel, reasons=sorted(reasons), times=times, span=span)
    return [(row.value, row.times) for row in found]
