"""From an audience to rows: one set-based INSERT … SELECT for a whole run, nothing streamed through the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
    values,
)
from sqlalchemy import column as sql_column
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import DateTime, SmallInteger, Text

from config.conditions import Condition
from config.models import Audience
from store.conditions import compile_condition
from store.control import CONTROL_GROUP, ControlGroup, held_out
from store.keys import KeyRules, by_segment, in_zone
from store.tables import events, messages, people


@dataclass(frozen=True, slots=True)
class VariantRule:
    """A template variant and whom it is for; None = anybody."""

    index: int
    segment: str | None
    locale: str | None
    channels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Expansion:
    """Whom a run addresses, by what.

    window:      the campaign's own, None = by segment
    keys:        what window keys follow
    control:     who of them gets nothing
    queue_until: the end of a message's patience with the rules
    escalates:   another message follows each that is not answered
    birthday:    month-days ("11-20") of people to congratulate
    event_ids:   customer events that address their own person only; they expire and lose patience so long after they came
    """

    run_id: int
    audience: Audience
    segments: dict[str, Condition]
    channels: tuple[str, ...]
    first_only: bool
    variants: tuple[VariantRule, ...]
    window: str | None
    keys: KeyRules
    category: str
    topic: str | None
    today: date
    queued_at: datetime
    expires_at: datetime
    queue_until: datetime | None = None
    control: ControlGroup | None = None
    birthday: tuple[str, ...] | None = None
    event_ids: tuple[int, ...] | None = None
    event_expiry: timedelta | None = None
    event_patience: timedelta | None = None
    escalates: bool = False


@dataclass(frozen=True, slots=True)
class Expanded:
    """What an expansion added. control: how many of the messages are there to be counted only. keys: of those that wait."""

    messages: int
    control: int
    keys: tuple[str, ...]


NO_VARIANT = -1


async def expand(connection: AsyncConnection, plan: Expansion) -> Expanded:
    """Insert the run's messages, those of its control group as suppressed; rows that exist already stay as they are."""
    new = insert(messages).from_select(COLUMNS, addressed(plan)).on_conflict_do_nothing()
    added = new.returning(messages.c.window_key, messages.c.status).cte("added")
    counted = select(added.c.window_key, added.c.status, func.count().label("n")).group_by(added.c.window_key, added.c.status)
    found = (await connection.execute(counted)).all()
    waiting = [row for row in found if row.status == "queued"]
    total = sum(row.n for row in found)
    return Expanded(total, total - sum(row.n for row in waiting), tuple(row.window_key for row in waiting))


_When = DateTime(timezone=True)
COLUMNS = ["run_id", "person_id", "event_ref", "channel", "fallback", "category", "topic", "variant", "window_key", "status"]
COLUMNS += ["queued_at", "expires_at", "queue_until", "reason", "settled_at", "escalates"]


def addressed(plan: Expansion) -> Select[Any]:
    """One row for each person and channel of the run, as COLUMNS of messages."""
    channels = plan.channels[:1] if plan.first_only else plan.channels
    channel = values(sql_column("name", Text), name="channel").data([(name,) for name in channels])
    event_ref: ColumnElement[int] = literal(0)
    expires: ColumnElement[Any] = literal(plan.expires_at)
    patience: ColumnElement[Any] = literal(plan.queue_until, _When)
    source = people.join(channel, true())
    if plan.event_ids is not None:
        event_ref, expires = events.c.id, events.c.received_at + plan.event_expiry
        if plan.event_patience is not None:
            patience = events.c.received_at + plan.event_patience
        source = source.join(events, and_(events.c.person_id == people.c.id, events.c.id == func.any(_ids(plan.event_ids))))
    control = held_out(plan.control)
    return (
        select(
            literal(plan.run_id),
            people.c.id,
            event_ref,
            channel.c.name,
            bindparam("fallback", list(plan.channels[1:]) if plan.first_only else [], type_=ARRAY(Text)),
            literal(plan.category),
            literal(plan.topic, Text),
            _variant(plan, channel.c.name),
            _window_key(plan),
            case((control, "suppressed"), else_="queued"),
            literal(plan.queued_at),
            expires,
            patience,
            case((control, CONTROL_GROUP)),
            case((control, literal(plan.queued_at, _When))),
            literal(plan.escalates),
        )
        .select_from(source)
        .where(_audience(plan))
    )


def _ids(ids: Sequence[int]) -> Any:
    return bindparam("event_ids", list(ids), type_=ARRAY(events.c.id.type))


def _segment(plan: Expansion, name: str) -> ColumnElement[bool]:
    return compile_condition(plan.segments[name], plan.today)


def _audience(plan: Expansion) -> ColumnElement[bool]:
    wanted = [people.c.forgotten_at.is_(None), *(_segment(plan, name) for name in plan.audience.all)]
    if plan.audience.any:
        wanted.append(_any(plan, plan.audience.any))
    # A condition over an unknown value is null: such a person is in no segment, and so not excluded by one either.
    wanted += [~func.coalesce(_segment(plan, name), false()) for name in plan.audience.none]
    if plan.birthday is not None:
        wanted.append(func.to_char(people.c.birthday, "MM-DD").in_(plan.birthday))
    return and_(true(), *wanted)


def _any(plan: Expansion, names: tuple[str, ...]) -> ColumnElement[bool]:
    return or_(*(func.coalesce(_segment(plan, name), false()) for name in names))


def _variant(plan: Expansion, channel: ColumnElement[str]) -> ColumnElement[int]:
    """The first variant that is for this person and says something on the channel (on all of them, where one is chosen later)."""
    whens = []
    for variant in plan.variants:
        spoken = [name for name in plan.channels if name in variant.channels]
        if plan.first_only and len(spoken) < len(plan.channels):
            continue
        conditions: list[ColumnElement[bool]] = [channel.in_(spoken)] if spoken else [false()]
        if variant.segment:
            conditions.append(_segment(plan, variant.segment))
        if variant.locale:
            conditions.append(people.c.locale == variant.locale)
        whens.append((and_(*conditions), literal(variant.index, SmallInteger)))
    return case(*whens, else_=literal(NO_VARIANT, SmallInteger)) if whens else literal(NO_VARIANT, SmallInteger)


def _window_key(plan: Expansion) -> ColumnElement[str]:
    return in_zone(literal(f"win:{plan.window}") if plan.window else by_segment(plan.keys), plan.keys)
