"""One person as a template sees them, and which segments hold for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.conditions import Condition
from store.conditions import compile_condition
from store.tables import people


@dataclass(frozen=True, slots=True)
class Profile:
    customer_no: str
    name: str
    locale: str
    attributes: Mapping[str, Any]
    segments: frozenset[str]


async def profile(connection: AsyncConnection, customer_no: str, conditions: Mapping[str, Condition], today: date) -> Profile | None:
    """None when there is no such customer. conditions: segment → its condition."""
    held = [func.coalesce(compile_condition(condition, today), false()) for condition in conditions.values()]
    columns = people.c.customer_no, people.c.name, people.c.locale, people.c.attributes
    theirs = people.c.customer_no == customer_no, people.c.forgotten_at.is_(None)
    row = (await connection.execute(select(*columns, *held).where(*theirs))).first()
    if row is None:
        return None
    segments = frozenset(name for name, holds in zip(conditions, row[len(columns) :], strict=True) if holds)
    return Profile(row.customer_no, row.name, row.locale, row.attributes, segments)
