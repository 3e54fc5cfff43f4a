"""One person with everything that was ever meant for them: messages, decisions, attempts, what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.erased import MARK
from store.statements import rows, sql
from store.suppressed import key

_SUBJECT = sql(
    """SELECT id, customer_no, name, locale, timezone, contact_hours, consents FROM people
       WHERE customer_no = :customer_no AND forgotten_at IS NULL"""
)
_ADDRESSES = sql(
    f"""SELECT a.sort, a.kind, a.value, a.platform, a.listed, x.recorded_at AS dropped_at, coalesce(x.code, x.source) AS drop_reason
        FROM addresses a LEFT JOIN suppressions x ON x.value = {key("a")} AND x.sort = a.sort AND x.kind = 'address' AND x.lifted_at IS NULL
        WHERE a.person_id = :person ORDER BY a.sort, a.id"""
)
_SUPPRESSIONS = sql(
    f"""WITH theirs AS MATERIALIZED (SELECT DISTINCT a.sort, {key("a")} AS value FROM addresses a WHERE a.person_id = :person)
        SELECT x.kind, x.channel, x.sort, x.value, x.at, x.recorded_at, x.source, x.code, x.evidence,
               x.lifted_at, x.lifted_by, x.lift_evidence
        FROM suppressions x WHERE x.person_id = :person OR x.value IN (SELECT value FROM theirs WHERE theirs.sort = x.sort)
        ORDER BY x.recorded_at, x.id"""
)
_MESSAGES = sql(
    """SELECT m.id, m.run_id, r.campaign, r.occurrence, r.content_hash, r.due_at, m.channel, m.fallback, m.category, m.topic, m.window_key,
              m.status, m.reason, m.trail, m.queued_at, m.expires_at, m.next_attempt_at, m.released_at, m.sent_at, m.delivered_at,
              m.read_at, m.settled_at, m.maybe_duplicate, m.carrier_id, m.follows_id, m.escalates,
              r.escalation,
              CASE WHEN m.attempts = 0 THEN m.queue_until END AS queue_until
       FROM messages m JOIN runs r ON r.id = m.run_id WHERE m.person_id = :person ORDER BY m.queued_at, m.id"""
)
_ATTEMPTS = sql(
    """SELECT a.message_id, a.at, a.outcome, a.code, a.account, d.platform FROM attempts a JOIN messages m ON m.id = a.message_id
       LEFT JOIN addresses d ON d.id = a.address_id WHERE m.person_id = :person ORDER BY a.at, a.id"""
)
_INTERACTIONS = sql(
    """SELECT i.message_id, i.at, i.kind, i.detail FROM interactions i
       LEFT JOIN messages m ON m.id = i.message_id WHERE i.person_id = :person OR m.person_id = :person ORDER BY i.at, i.event_id"""
)


@dataclass(frozen=True, slots=True)
class Reach:
    """An address, masked: enough of it to be recognised by whoever knows it."""

    sort: str
    kind: str
    masked: str
    platform: str | None
    listed: bool
    dropped_at: datetime | None
    drop_reason: str | None


@dataclass(frozen=True, slots=True)
class Suppression:
    """A dead address, an opt-out or a complaint, in force or lifted. masked: the address it was said of, None = the person.

    at: when it was said. recorded_at: since when it holds
    """

    kind: str
    channel: str | None
    masked: str | None
    at: datetime
    recorded_at: datetime
    source: str
    code: str | None
    evidence: str
    lifted_at: datetime | None
    lifted_by: str | None
    lift_evidence: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One step of the trail. what: released, deferred, suppressed, merged by the valve; put_back; moved_on, `to` another channel;

    replayed or resolved (`to` sent or failed, by `evidence`) by an operator, who is `by`.
    """

    at: datetime
    what: str
    why: str | None
    until: datetime | None
    by: str | None = None
    to: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """platform: of the device, for a push. account: that made it."""

    at: datetime
    outcome: str
    code: str | None
    platform: str | None
    account: str | None


@dataclass(frozen=True, slots=True)
class Echo:
    """What came back of a message, or of no message in particular (a reply)."""

    at: datetime
    kind: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message and what became of it, each list oldest first.

    carrier_id:  the message it is merged into
    follows_id:  the message of another channel that was not answered
    escalates:   whether one is to follow this, as its run's `escalation` says: {channel, after (seconds), unless}
    queue_until: the end of its patience with the rules; None also once it was tried
    """

    id: int
    run_id: int
    campaign: str
    occurrence: str
    content_hash: str
    due_at: datetime
    channel: str
    fallback: tuple[str, ...]
    category: str
    topic: str | None
    window_key: str
    status: str
    reason: str | None
    queued_at: datetime
    expires_at: datetime
    next_attempt_at: datetime | None
    released_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    settled_at: datetime | None
    maybe_duplicate: bool
    carrier_id: int | None
    follows_id: int | None
    escalates: bool
    escalation: Mapping[str, Any] | None
    queue_until: datetime | None
    trail: tuple[Decision, ...]
    attempts: tuple[Attempt, ...]
    echoes: tuple[Echo, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """timezone None: the company's. consents: {channel: {marketing, hours}}. echoes: those of no message."""

    person_id: int
    customer_no: str
    name: str
    locale: str
    timezone: str | None
    contact_hours: str | None
    consents: Mapping[str, Mapping[str, Any]]
    addresses: tuple[Reach, ...]
    suppressions: tuple[Suppression, ...]
    messages: tuple[Message, ...]
    echoes: tuple[Echo, ...]


async def timeline(connection: AsyncConnection, customer_no: str) -> Timeline | None:
    """None when there is no such customer."""
    found = await rows(connection, _SUBJECT, customer_no=customer_no)
    if not found:
        return None
    subject = found[0]
    attempts = _grouped(await rows(connection, _ATTEMPTS, person=subject.id))
    echoes = _grouped(await rows(connection, _INTERACTIONS, person=subject.id))
    return Timeline(
        person_id=subject.id,
        customer_no=subject.customer_no,
        name=subject.name,
        locale=subject.locale,
        timezone=subject.timezone,
        contact_hours=subject.contact_hours,
        consents=subject.consents,
        addresses=tuple(_reach(row) for row in await rows(connection, _ADDRESSES, person=subject.id)),
        suppressions=tuple(_suppression(row) for row in await rows(connection, _SUPPRESSIONS, person=subject.id)),
        messages=tuple(
            _message(row, attempts.get(row.id, ()), echoes.get(row.id, ())) for row in await rows(connection, _MESSAGES, person=subject.id)
        ),
        echoes=tuple(Echo(row.at, row.kind, row.detail) for row in echoes.get(None, ())),
    )


def masked(sort: str, value: str) -> str:
    """`b…o@example.com`, `+62…0001`, `…3f9a`; `erased` for what stands in place of a forgotten one."""
    if value.startswith(MARK):
        return "erased"
    if sort == "email" and "@" in value:
        name, _, host = value.rpartition("@")
        return f"{name[:1]}…{name[-1:] if len(name) > 2 else ''}@{host}"
    shown = value[-4:] if len(value) > 8 else ""
    return f"{value[:3]}…{shown}" if sort == "phone" else f"…{shown}"


def _reach(row: Any) -> Reach:
    return Reach(row.sort, row.kind, masked(row.sort, row.value), row.platform, row.listed, row.dropped_at, row.drop_reason)


def _suppression(row: Any) -> Suppression:
    values = row._asdict()
    sort, value = values.pop("sort"), values.pop("value")
    return Suppression(masked=None if value is None else masked(sort, value), **values)


def _grouped(found: Sequence[Any]) -> dict[int | None, list[Any]]:
    groups: dict[int | None, list[Any]] = {}
    for row in found:
        groups.setdefault(row.message_id, []).append(row)
    return groups


def _message(row: Any, attempts: Sequence[Any], echoes: Sequence[Any]) -> Message:
    values = row._asdict() | {
        "fallback": tuple(row.fallback),
        "trail": tuple(_decision(step) for step in row.trail),
        "attempts": tuple(Attempt(each.at, each.outcome, each.code, each.platform, each.account) for each in attempts),
        "echoes": tuple(Echo(each.at, each.kind, each.detail) for each in echoes),
    }
    return Message(**values)


def _decision(step: Mapping[str, str]) -> Decision:
    until = step.get("until")
    return Decision(
        at=datetime.fromisoformat(step["at"]),
        what=step["is"],
        why=step.get("why"),
        until=datetime.fromisoformat(until) if until else None,
        by=step.get("by"),
        to=step.get("to"),
        evidence=step.get("evidence"),
    )
