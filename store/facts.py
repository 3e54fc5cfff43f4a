"""What the valve asks about people, in one query a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, rows, sql
from store.suppressed import refusals, usable

_PEOPLE = sql(
    f"""SELECT p.id, p.timezone, p.contact_hours, p.consents,
              ARRAY(SELECT DISTINCT a.sort FROM addresses a WHERE a.person_id = p.id AND {usable("a")}) AS sorts,
              ARRAY({refusals("p.id")}) AS opted_out
       FROM unnest(:ids) AS wanted(id) JOIN people p ON p.id = wanted.id""",
    ids=LONGS,
)


async def people(connection: AsyncConnection, ids: list[int]) -> Sequence[Row[Any]]:
    """(id, timezone, contact_hours, consents, sorts of live addresses, channels opted out of)."""
    return await rows(connection, _PEOPLE, ids=ids)
