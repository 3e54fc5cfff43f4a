"""Whom a run would address and by what, read without planning it: the same select, counted, sampled and paged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, distinct, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audience import COLUMNS, Expansion, addressed
from store.conditions import compile_condition
from store.tables import people

PAGE = 4_000


@dataclass(frozen=True, slots=True)
class Share:
    """How many people of an audience are addressed alike. variant -1: no variant speaks to them. window: a key without its zone."""

    channel: str
    variant: int
    window: str
    people: int


@dataclass(frozen=True, slots=True)
class Addressed:
    """One message that would be planned. control: to be counted only, its person is in the control group."""

    person_id: int
    channel: str
    fallback: tuple[str, ...]
    variant: int
    window_key: str
    queue_until: datetime | None
    control: bool


async def shares(connection: AsyncConnection, plan: Expansion) -> list[Share]:
    """By channel, variant and window, the largest first."""
    columns = _columns(plan, None)
    window = func.split_part(columns["window_key"], "@", 1)
    counted = select(columns["channel"], columns["variant"], window, func.count().label("n")).group_by(
        columns["channel"], columns["variant"], window
    )
    found = (await connection.execute(counted)).all()
    return sorted((Share(*row) for row in found), key=lambda share: (-share.people, share.channel, share.variant))


async def size(connection: AsyncConnection, plan: Expansion) -> int:
    """People addressed at all."""
    return int((await connection.execute(select(func.count(distinct(_columns(plan, None)["person_id"]))))).scalar_one())


async def control_size(connection: AsyncConnection, plan: Expansion) -> int:
    """People of the audience who would get nothing."""
    columns = _columns(plan, None)
    counted = select(func.count(distinct(columns["person_id"]))).where(_control(columns))
    return int((await connection.execute(counted)).scalar_one())


async def by_segment(connection: AsyncConnection, plan: Expansion) -> dict[str, int]:
    """How many of the people addressed are in each segment there is; one person may be in several."""
    if not plan.segments:
        return {}
    whom = select(_columns(plan, None)["person_id"])
    counts = [func.count().filter(compile_condition(condition, plan.today)) for condition in plan.segments.values()]
    row = (await connection.execute(select(*counts).select_from(people).where(people.c.id.in_(whom)))).one()
    return dict(zip(plan.segments, row, strict=True))


async def samples(connection: AsyncConnection, plan: Expansion) -> list[Addressed]:
    """One person for each variant on each channel, outside the control group if there is any."""
    columns = _columns(plan, None)
    alike = (columns["variant"], columns["channel"])
    chosen = select(*_wanted(columns)).ext(distinct_on(*alike)).order_by(*alike, _control(columns), columns["person_id"])
    return [_one(row) for row in (await connection.execute(chosen)).all()]


async def pages(connection: AsyncConnection, plan: Expansion, customer_no: str | None = None) -> AsyncIterator[list[Addressed]]:
    """Every message there would be, or those to one customer."""
    last = (0, "")
    while True:
        columns = _columns(plan, customer_no)
        key = (columns["person_id"], columns["channel"])
        page = select(*_wanted(columns)).where(tuple_(*key) > tuple_(*last)).order_by(*key).limit(PAGE)
        found = [_one(row) for row in (await connection.execute(page)).all()]
        if found:
            yield found
        if len(found) < PAGE:
            return
        last = found[-1].person_id, found[-1].channel


async def faces(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Any]:
    """{person id: (id, customer_no, name, locale, attributes)}."""
    columns = people.c.id, people.c.customer_no, people.c.name, people.c.locale, people.c.attributes
    return {row.id: row for row in (await connection.execute(select(*columns).where(people.c.id.in_(ids)))).all()}


def _columns(plan: Expansion, customer_no: str | None) -> dict[str, ColumnElement[Any]]:
    whom: Select[Any] = addressed(plan)
    if customer_no is not None:
        whom = whom.where(people.c.customer_no == customer_no)
    return dict(zip(COLUMNS, whom.subquery("addressed").c, strict=True))


def _wanted(columns: dict[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    shown = [columns[name] for name in ("person_id", "channel", "fallback", "variant", "window_key", "queue_until")]
    return [*shown, _control(columns)]


def _control(columns: dict[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    return columns["status"] == "suppressed"


def _one(row: Any) -> Addressed:
    person_id, channel, fallback, variant, window_key, queue_until, control = row
    return Addressed(person_id, channel, tuple(fallback), variant, window_key, queue_until, control)
