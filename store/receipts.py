"""What providers and the app tell later: stored first as it came, applied once, moving a message forward and never back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store import digests, escalation, moving_on
from store.statements import LONGS, TEXTS, TIMES, rows, run, sql

_STORE = sql("INSERT INTO receipts (source, body, received_at) VALUES (:source, :body, :now) RETURNING id")
_NOTIFY = sql("SELECT pg_notify('kabar', 'receipt')")
_TAKE = sql(
    """SELECT id, source, body, received_at FROM receipts WHERE applied_at IS NULL AND (retry_at IS NULL OR retry_at <= :now)
       ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED"""
)
_AGAIN = sql("UPDATE receipts SET retry_at = :at WHERE id = ANY(:ids) AND applied_at IS NULL", ids=LONGS)
_DONE = sql(
    """UPDATE receipts r SET applied_at = :now, error = v.error FROM unnest(:ids, :errors) AS v(id, error)
       WHERE r.id = v.id AND r.applied_at IS NULL""",
    ids=LONGS,
    errors=TEXTS,
)
# It may have gone out: so the attempt says, or an operator said that it did not, whose word is weaker than the provider's.
_DOUBTED = """({m}.doubted_at IS NOT NULL OR {m}.trail @> '[{{"is": "resolved", "to": "failed"}}]')"""
_BLANK = sql("UPDATE receipts SET body = '', error = NULL WHERE id = ANY(:ids)", ids=LONGS)
_RESOLVE = sql(
    f"""SELECT v.ord, coalesce(a.id, b.id, c.message_id) AS id,
              CASE coalesce(a.status, b.status, 'sent') WHEN 'released' THEN true WHEN 'sending' THEN true
                   WHEN 'queued' THEN NOT coalesce({_DOUBTED.format(m="a")}, {_DOUBTED.format(m="b")})
                   WHEN 'deferred' THEN NOT coalesce({_DOUBTED.format(m="a")}, {_DOUBTED.format(m="b")}) ELSE false END
                AND coalesce(a.channel, b.channel) = coalesce(v.channel, a.channel, b.channel) AS early
       FROM unnest(:ids, :provider_ids, :channels) WITH ORDINALITY AS v(id, provider_id, channel, ord)
       LEFT JOIN messages a ON a.id = v.id
       LEFT JOIN messages b ON v.id IS NULL AND b.provider_id = v.provider_id
       LEFT JOIN LATERAL (SELECT t.message_id FROM attempts t WHERE v.id IS NULL AND b.id IS NULL AND t.provider_id = v.provider_id
                          LIMIT 1) c ON true""",
    ids=LONGS,
    provider_ids=TEXTS,
    channels=TEXTS,
)
# A message moves only right: unknown becomes sent by the provider's own word; delivered never undoes read. One that waits to be
# repeated because of a doubt need not be repeated any more; one that failed by a receipt did not fail if another saw it arrive.
# What the provider of a channel says is about the message by that channel, and nothing of it once it has moved on to another.
_MOVE = sql(
    f"""WITH told AS (SELECT m.id, m.channel, min(at) FILTER (WHERE kind IN ('delivered', 'read', 'clicked', 'dismissed')) AS delivered,
                            min(at) FILTER (WHERE kind IN ('read', 'clicked')) AS read, min(at) AS first
                     FROM unnest(:ids, :kinds, :ats, :channels) AS v(id, kind, at, channel)
                     JOIN messages m ON m.id = v.id AND m.channel = coalesce(v.channel, m.channel)
                     WHERE kind IN ('sent', 'delivered', 'read', 'clicked', 'dismissed') GROUP BY m.id)
       UPDATE messages m SET
         delivered_at = least(m.delivered_at, told.delivered), read_at = least(m.read_at, told.read),
         released_at = coalesce(m.released_at, m.doubted_at, told.first), sent_at = coalesce(m.sent_at, m.doubted_at, told.first),
         doubted_at = NULL, next_attempt_at = NULL,
         settled_at = coalesce(m.settled_at, :now),
         reason = CASE WHEN m.status = 'failed' THEN 'confirmed_after_failure'
                       WHEN m.status IN ('unknown', 'queued', 'deferred') THEN 'confirmed_by_receipt' ELSE m.reason END,
         status = CASE WHEN told.read IS NOT NULL OR m.status = 'read' THEN 'read'
                       WHEN told.delivered IS NOT NULL OR m.status = 'delivered' THEN 'delivered' ELSE 'sent' END
       FROM told WHERE m.id = told.id AND m.channel = told.channel AND ({_DOUBTED.format(m="m")} OR m.status NOT IN ('queued', 'deferred'))
         AND (m.status <> 'failed' OR (m.sent_at IS NOT NULL AND (told.delivered IS NOT NULL OR m.reason = 'resolved_failed')))
         AND m.status IN ('sent', 'delivered', 'read', 'unknown', 'queued', 'deferred', 'failed')""",
    ids=LONGS,
    kinds=TEXTS,
    ats=TIMES,
    channels=TEXTS,
)
_FAIL = sql(
    """UPDATE messages m SET status = 'failed', reason = v.code, settled_at = :now, doubted_at = NULL
       FROM unnest(:ids, :codes, :channels) AS v(id, code, channel)
       WHERE m.id = v.id AND m.channel = coalesce(v.channel, m.channel) AND m.status IN ('sent', 'unknown')
       RETURNING m.id, m.fence, m.channel""",
    ids=LONGS,
    codes=TEXTS,
    channels=TEXTS,
)
_REMEMBER = sql(
    """INSERT INTO interactions (event_id, message_id, person_id, kind, at, detail, channel, known_at)
       SELECT v.event_id, m.id, coalesce(m.person_id, v.person), v.kind, v.at, v.detail, v.channel, :now
       FROM unnest(:events, :ids, :people, :kinds, :ats, :details, :channels) AS v(event_id, id, person, kind, at, detail, channel)
       LEFT JOIN messages m ON m.id = v.id ON CONFLICT (event_id) DO NOTHING RETURNING event_id""",
    events=TEXTS,
    ids=LONGS,
    people=LONGS,
    kinds=TEXTS,
    ats=TIMES,
    details=TEXTS,
    channels=TEXTS,
)
_EARLY = sql("SELECT event_id, kind, at, message_id, person_id, detail, channel FROM interactions WHERE message_id = ANY(:ids)", ids=LONGS)
_BY_ADDRESS = sql(
    """SELECT a.value, a.person_id, a.id FROM addresses a WHERE a.value = ANY(:values) AND a.sort = :sort""",
    values=TEXTS,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One receipt with its message found.

    event_id:    the sender's own, so that a repeat changes nothing
    channel:     whose provider says so; None = whatever channel the message went by
    unreachable: of a failure, that the person is not there on this channel
    """

    event_id: str
    kind: str
    at: datetime
    message_id: int | None
    person_id: int | None = None
    detail: str | None = None
    channel: str | None = None
    unreachable: bool = False


async def store(connection: AsyncConnection, source: str, body: bytes, now: datetime) -> int:
    """Kept before it is understood; the web answers right after."""
    stored = await rows(connection, _STORE, source=source, body=body, now=now)
    await connection.execute(_NOTIFY)
    return int(stored[0].id)


async def again(connection: AsyncConnection, ids: Sequence[int], at: datetime) -> None:
    """These wait for their messages; they do not stand in the way of newer ones meanwhile."""
    if ids:
        await run(connection, _AGAIN, ids=list(ids), at=at)


async def take(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """(id, source, body, received_at) of those not applied yet, locked."""
    return await rows(connection, _TAKE, now=now, limit=limit)


async def done(connection: AsyncConnection, results: Sequence[tuple[int, str | None]], now: datetime) -> None:
    """(receipt id, error or None) each."""
    if results:
        await run(connection, _DONE, ids=[item[0] for item in results], errors=[item[1] for item in results], now=now)


async def blank(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Nothing of what they said is kept: it was about somebody who is forgotten."""
    if ids:
        await run(connection, _BLANK, ids=list(ids))


async def resolve(connection: AsyncConnection, refs: Sequence[tuple[int | None, str | None, str | None]]) -> list[tuple[int | None, bool]]:
    """(message id or None, not settled yet on that channel) for (our id, provider id, channel) references."""
    if not refs:
        return []
    ids, provider_ids, channels = (list(column) for column in zip(*refs, strict=True))
    found = await rows(connection, _RESOLVE, ids=ids, provider_ids=provider_ids, channels=channels)
    by_order = {row.ord: (row.id, row.early) for row in found}
    return [by_order[index + 1] for index in range(len(refs))]


async def remember(connection: AsyncConnection, facts: Sequence[Fact], now: datetime) -> set[str]:
    """Event ids that are new."""
    if not facts:
        return set()
    added = await rows(
        connection,
        _REMEMBER,
        events=[fact.event_id for fact in facts],
        ids=[fact.message_id for fact in facts],
        people=[fact.person_id for fact in facts],
        kinds=[fact.kind for fact in facts],
        ats=[fact.at for fact in facts],
        details=[fact.detail for fact in facts],
        channels=[fact.channel for fact in facts],
        now=now,
    )
    return {row.event_id for row in added}


async def move(connection: AsyncConnection, facts: Sequence[Fact], now: datetime) -> None:
    """Forward only; order and repeats do not matter. Who could not be reached is tried by the message's next channel, if it has one."""
    known = [fact for fact in facts if fact.message_id is not None]
    if known:
        ids, kinds = [fact.message_id for fact in known], [fact.kind for fact in known]
        channels = [fact.channel for fact in known]
        await run(connection, _MOVE, ids=ids, kinds=kinds, ats=[fact.at for fact in known], channels=channels, now=now)
        await moving_on.arrived(connection, [(fact.message_id, fact.kind, fact.at, fact.channel) for fact in known], now)
    spoken = [fact.person_id for fact in facts if fact.kind in escalation.WORDS and fact.person_id is not None]
    if known or spoken:
        await escalation.withdraw(connection, [fact.message_id for fact in known], spoken, now)
    failed = {(fact.message_id, fact.channel): fact for fact in known if fact.kind == "failed"}
    if failed:
        await _fail(connection, list(failed.values()), now)


async def _fail(connection: AsyncConnection, failed: Sequence[Fact], now: datetime) -> None:
    codes, channels = [fact.detail for fact in failed], [fact.channel for fact in failed]
    found = await rows(connection, _FAIL, ids=[fact.message_id for fact in failed], codes=codes, channels=channels, now=now)
    await digests.refused_late(connection, [row.id for row in found], now)
    absent = {(fact.message_id, fact.channel) for fact in failed if fact.unreachable}
    await moving_on.move_on(connection, [(row.id, row.fence) for row in found if {(row.id, row.channel), (row.id, None)} & absent], now)


async def catch_up(connection: AsyncConnection, settled: Sequence[int], now: datetime) -> None:
    """Apply what the app told of these messages before our own commit."""
    early = await rows(connection, _EARLY, ids=list(settled))
    if early:
        await move(connection, [Fact(**row._asdict()) for row in early], now)


async def owners(connection: AsyncConnection, sort: str, values: Sequence[str]) -> dict[str, list[int]]:
    """People behind addresses: {value: [person ids]}."""
    found: dict[str, list[int]] = {}
    for row in await rows(connection, _BY_ADDRESS, sort=sort, values=list(values)):
        found.setdefault(row.value, []).append(row.person_id)
    return found
