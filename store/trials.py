"""Pop-ups of `kabar send-test`: shown to one person's app, once, outside all rules; no messages, so that nothing counts them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store import changes
from store.statements import LONGS, rows, run, sql

HIGHEST = 32767  # before every priority

_OLD = sql("DELETE FROM popup_tests WHERE expires_at <= :now")
_PUT = sql(
    """INSERT INTO popup_tests (person_id, campaign, content, available_at, expires_at)
       VALUES (:person, :campaign, CAST(:content AS jsonb), :now, :expires_at) RETURNING id"""
)
_WAITING = sql(
    f"""SELECT -id AS message_id, CAST({HIGHEST} AS smallint) AS priority, content, available_at, expires_at, campaign
        FROM popup_tests WHERE person_id = :person AND expires_at > :now ORDER BY id DESC LIMIT 1"""
)
_SEEN = sql("DELETE FROM popup_tests WHERE person_id = :person AND id = ANY(:ids) RETURNING id", ids=LONGS)


async def put(connection: AsyncConnection, *, person_id: int, campaign: str, content: str, now: datetime, expires_at: datetime) -> int:
    """Available from now on; returns its id. Those that nobody came for are thrown away."""
    await run(connection, _OLD, now=now)
    [row] = await rows(connection, _PUT, person=person_id, campaign=campaign, content=content, now=now, expires_at=expires_at)
    await changes.tell(connection, [person_id])
    return int(row.id)


async def waiting(connection: AsyncConnection, person_id: int, now: datetime) -> Row[Any] | None:
    """The newest, in the shape of store.screens.waiting; its message_id is the id of the test, negative."""
    found = await rows(connection, _WAITING, person=person_id, now=now)
    return found[0] if found else None


async def seen(connection: AsyncConnection, person_id: int, ids: Collection[int]) -> set[int]:
    """Shown, clicked or dismissed: not shown again. Which of them there were."""
    return {row.id for row in await rows(connection, _SEEN, person=person_id, ids=list(ids))}
