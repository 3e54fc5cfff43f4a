"""The audit log read: page by page to be verified, its head, and the newest rows to look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.chain import Entry
from store.statements import TIME, rows, sql

PAGE = 2_000

_COLUMNS = "id, at, actor, action, detail, prev_hash, hash"
_PAGE = sql(f"SELECT {_COLUMNS} FROM audit_log WHERE id > :after ORDER BY id LIMIT :limit")
_HEAD = sql(f"SELECT {_COLUMNS} FROM audit_log ORDER BY id DESC LIMIT 1")
_NEWEST = sql(
    f"""SELECT {_COLUMNS} FROM audit_log
        WHERE at >= coalesce(:since, '-infinity') AND actor = coalesce(:actor, actor) AND action = coalesce(:action, action)
        ORDER BY id DESC LIMIT :limit""",
    since=TIME,
)


async def pages(connection: AsyncConnection) -> AsyncIterator[list[Entry]]:
    """Every row in its order, a page at a time."""
    after = -(2**63)
    while page := await rows(connection, _PAGE, after=after, limit=PAGE):
        yield [Entry(**row._asdict()) for row in page]
        after = page[-1].id


async def head(connection: AsyncConnection) -> Entry | None:
    """The newest row."""
    found = await rows(connection, _HEAD)
    return Entry(**found[0]._asdict()) if found else None


async def newest(
    connection: AsyncConnection, *, since: datetime | None, actor: str | None, action: str | None, limit: int
) -> Sequence[Entry]:
    """Of those asked for the newest, the oldest of them first."""
    found = await rows(connection, _NEWEST, since=since, actor=actor, action=action, limit=limit)
    return [Entry(**row._asdict()) for row in reversed(found)]
