"""The longest words of an audience: what a template is filled in with at worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import String, column, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audience import COLUMNS, Expansion, addressed
from store.tables import people


@dataclass(frozen=True, slots=True)
class Longest:
    """Each the longest of the audience by itself, in bytes; no person needs to have all of them. attributes: by key."""

    name: str
    first_name: str
    customer_no: str
    locale: str
    attributes: Mapping[str, str]


async def longest(connection: AsyncConnection, plan: Expansion) -> Longest | None:
    """None when nobody is in the audience."""
    whom = addressed(plan).subquery("addressed")
    theirs = people.c.id.in_(select(dict(zip(COLUMNS, whom.c, strict=True))["person_id"]))
    pairs = func.jsonb_each_text(people.c.attributes).table_valued(column("key", String), column("value", String)).lateral()
    of_each = (
        select(pairs.c.key, pairs.c.value)
        .select_from(people.join(pairs, theirs))
        .ext(distinct_on(pairs.c.key))
        .order_by(pairs.c.key, func.octet_length(pairs.c.value).desc().nulls_last())
    )
    name, first_name, customer_no, locale = [
        (await connection.execute(select(value).where(theirs).order_by(func.octet_length(value).desc()).limit(1))).scalar_one_or_none()
        for value in (people.c.name, func.split_part(people.c.name, " ", 1), people.c.customer_no, people.c.locale)
    ]
    if name is None:
        return None
    attributes = {row.key: row.value for row in (await connection.execute(of_each)).all() if row.value is not None}
    return Longest(str(name), str(first_name), str(customer_no), str(locale), attributes)
