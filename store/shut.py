"""Queued messages whose person keeps hours, told apart by window and hours: some never have both open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.messages import CANDIDATE
from store.statements import TEXTS, rows, sql

_HOURS = sql(
    """SELECT DISTINCT m.window_key, p.contact_hours FROM messages m JOIN people p ON p.id = m.person_id
       WHERE m.run_id = :run AND m.status = 'queued' AND p.contact_hours IS NOT NULL"""
)
_WAITING = sql(
    f"""SELECT {CANDIDATE} FROM unnest(:keys, :hours) AS v(window_key, contact_hours)
        JOIN people p ON p.contact_hours = v.contact_hours
        JOIN messages m ON m.person_id = p.id AND m.run_id = :run AND m.window_key = v.window_key AND m.status = 'queued'
        WHERE m.id > :after ORDER BY m.id LIMIT :limit""",
    keys=TEXTS,
    hours=TEXTS,
)


async def hours(connection: AsyncConnection, run_id: int) -> list[tuple[str, str]]:
    """(window key, contact hours as imported) of the run's queued messages."""
    return [(row.window_key, row.contact_hours) for row in await rows(connection, _HOURS, run=run_id)]


async def waiting(connection: AsyncConnection, run_id: int, pairs: Sequence[tuple[str, str]], after: int, limit: int) -> Sequence[Row[Any]]:
    """The run's queued messages under any of the pairs, by id, as store.messages.candidates."""
    keys, given = (list(column) for column in zip(*pairs, strict=True))
    return await rows(connection, _WAITING, run=run_id, keys=keys, hours=given, after=after, limit=limit)
