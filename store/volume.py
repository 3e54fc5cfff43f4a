"""How many messages a run would really put on each channel: who is reached there and agreed, counted in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, TextClause, and_, bindparam, case, exists, false, func, literal, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audience import COLUMNS, NO_VARIANT, Expansion, addressed
from store.suppressed import refused, usable
from store.tables import addresses, people


@dataclass(frozen=True, slots=True)
class Means:
    """A channel as far as counting goes. sort: of the addresses it needs, None = none; every: each address is a message to the provider."""

    channel: str
    sort: str | None
    every: bool


@dataclass(frozen=True, slots=True)
class Volume:
    """Messages alike.

    agreed: to offers at other hours. birthday: `11-20`, None if not asked. sends: messages as the provider counts them
    """

    channel: str
    window_key: str
    agreed: bool
    birthday: str | None
    messages: int
    sends: int


async def customers(connection: AsyncConnection) -> bool:
    """Is there anybody at all?"""
    return bool((await connection.execute(select(exists(select(people.c.id))))).scalar_one())


async def volumes(
    connection: AsyncConnection, plan: Expansion, means: Sequence[Means], *, offer: bool, birthdays: bool = False
) -> list[Volume]:
    """By channel, window key and consent. birthdays: and by the day of their birthday, of all of the audience."""
    whom = addressed(plan).subquery("whom")
    columns = dict(zip(COLUMNS, whom.c, strict=True))
    by = {each.channel: each for each in means if each.channel in plan.channels}
    able = {name: _able(each, offer=offer) for name, each in by.items()}
    channel = columns["channel"]
    goes: ColumnElement[Any] = case(*((able[name], name) for name in plan.channels)) if plan.first_only else channel
    goes_at_all = goes.is_not(None) if plan.first_only else case(*((channel == name, able[name]) for name in plan.channels), else_=false())
    day = func.to_char(people.c.birthday, "MM-DD") if birthdays else literal(None)
    one = (
        select(
            goes.label("channel"),
            columns["window_key"].label("window_key"),
            _agreed(goes, plan.channels).label("agreed"),
            day.label("day"),
            case(*((goes == name, _sends(each)) for name, each in by.items()), else_=1).label("sends"),
        )
        .select_from(whom.join(people, people.c.id == columns["person_id"]))
        .where(columns["variant"] != NO_VARIANT, columns["status"] == "queued", goes_at_all)
        .subquery("one")
    )
    alike = (one.c.channel, one.c.window_key, one.c.agreed, one.c.day)
    found = (await connection.execute(select(*alike, func.count(), func.sum(one.c.sends)).group_by(*alike))).all()
    return [Volume(row[0], row[1], row[2], row[3], int(row[4]), int(row[5])) for row in found]


def _live(sort: str) -> ColumnElement[int]:
    counted = select(func.count()).where(addresses.c.person_id == people.c.id, addresses.c.sort == sort, text(usable("addresses")))
    return counted.correlate(people).scalar_subquery()


def _able(means: Means, *, offer: bool) -> ColumnElement[bool]:
    needed: list[ColumnElement[bool] | TextClause] = [true()]
    if means.sort is not None:
        needed.append(_live(means.sort) > 0)
    if offer:
        said_no = text("NOT " + refused("people.id", ":channel")).bindparams(bindparam("channel", means.channel, unique=True))
        needed += [func.coalesce(people.c.consents[means.channel]["marketing"].as_boolean(), false()), said_no]
    return and_(*needed)


def _agreed(goes: ColumnElement[Any], channels: Sequence[str]) -> ColumnElement[bool]:
    return case(*((goes == name, people.c.consents[name]["hours"].as_string().is_not(None)) for name in channels), else_=false())


def _sends(means: Means) -> ColumnElement[int]:
    return _live(means.sort) if means.every and means.sort is not None else literal(1)
