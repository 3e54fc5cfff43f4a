"""From an audience to rows: one set-based INSERT … SELECT for a whole run, nothing streamed through the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
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
    literal_column,
    or_,
    select,
    true,
    values,
)
from sqlalchemy import column as sql_column
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import SmallInteger, Text

from config.conditions import Condition
from config.models import Audience
from store.conditions import compile_condition
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

    window:   the campaign's own, None = by segment
    free:     the category ignores windows
    birthday: month-days ("11-20") of people to congratulate
    event_ids: customer events that address their own person only
    """

    run_id: int
    audience: Audience
    segments: dict[str, Condition]
    segment_windows: tuple[str, ...]
    channels: tuple[str, ...]
    first_only: bool
    variants: tuple[VariantRule, ...]
    window: str | None
    free: bool
    zone: str
    category: str
    topic: str | None
    today: date
    queued_at: datetime
    expires_at: datetime
    birthday: tuple[str, ...] | None = None
    event_ids: tuple[int, ...] | None = None
    event_expiry: Any = None


NO_VARIANT = -1


async def expand(connection: AsyncConnection, plan: Expansion) -> tuple[int, list[str]]:
    """Insert the run's messages; returns how many are new and the window keys among them."""
    added = insert(messages).from_select(COLUMNS, addressed(plan)).on_conflict_do_nothing().returning(messages.c.window_key).cte("added")
    found = (await connection.execute(select(added.c.window_key, func.count()).group_by(added.c.window_key))).all()
    return sum(row[1] for row in found), [row[0] for row in found]


async def count(connection: AsyncConnection, plan: Expansion) -> int:
    """People the audience holds, for previews."""
    return int((await connection.execute(select(func.count()).select_from(people).where(_audience(plan)))).scalar_one())


COLUMNS = ["run_id", "person_id", "event_ref", "channel", "fallback", "category", "topic", "variant", "window_key", "status"]
COLUMNS += ["queued_at", "expires_at"]


def addressed(plan: Expansion) -> Select[Any]:
    """One row for each person and channel of the run, as COLUMNS of messages."""
    channels = plan.channels[:1] if plan.first_only else plan.channels
    channel = values(sql_column("name", Text), name="channel").data([(name,) for name in channels])
    event_ref: ColumnElement[int] = literal(0)
    expires: ColumnElement[Any] = literal(plan.expires_at)
    source = people.join(channel, true())
    if plan.event_ids is not None:
        event_ref, expires = events.c.id, events.c.received_at + plan.event_expiry
        source = source.join(events, and_(events.c.person_id == people.c.id, events.c.id == func.any(_ids(plan.event_ids))))
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
            literal("queued"),
            literal(plan.queued_at),
            expires,
        )
        .select_from(source)
        .where(_audience(plan))
    )


def _ids(ids: Sequence[int]) -> Any:
    return bindparam("event_ids", list(ids), type_=ARRAY(events.c.id.type))


def _segment(plan: Expansion, name: str) -> ColumnElement[bool]:
    return compile_condition(plan.segments[name], plan.today)


def _audience(plan: Expansion) -> ColumnElement[bool]:
    wanted = [_segment(plan, name) for name in plan.audience.all]
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
    name: ColumnElement[str]
    if plan.free:
        name = literal("any")
    elif plan.window:
        name = literal(f"win:{plan.window}")
    elif plan.segment_windows:
        name = case(*((_segment(plan, segment), f"seg:{segment}") for segment in plan.segment_windows), else_=literal("none"))
    else:
        name = literal("none")
    return name.concat(literal_column("'@'")).concat(func.coalesce(people.c.timezone, plan.zone))
