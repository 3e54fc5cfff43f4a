"""Pop-ups as they are laid ready for the app, in the transaction that settles them as sent; and whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store import changes
from store.statements import LONGS, TEXTS, rows, run, sql

_PUBLISH = sql(
    """INSERT INTO popups (message_id, person_id, priority, content, available_at, expires_at)
       SELECT v.id, m.person_id, r.priority, CAST(v.content AS jsonb), :now, m.expires_at
       FROM unnest(:ids, :contents) AS v(id, content) JOIN messages m ON m.id = v.id JOIN runs r ON r.id = m.run_id
       ON CONFLICT (message_id) DO NOTHING RETURNING person_id""",
    ids=LONGS,
    contents=TEXTS,
)
_FETCHED = sql(
    "UPDATE messages SET status = 'delivered', delivered_at = :now WHERE id = ANY(:ids) AND status = 'sent'",
    ids=LONGS,
)
_OWN = sql("SELECT message_id FROM popups WHERE message_id = ANY(:ids) AND person_id = :person", ids=LONGS)
_RECIPIENT = sql("SELECT id FROM people WHERE customer_no = :customer_no AND forgotten_at IS NULL")
_OWNERS = sql("SELECT id, person_id FROM messages WHERE id = ANY(:ids)", ids=LONGS)


async def owners(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, int]:
    """{message id: person id} of those that exist."""
    return {row.id: row.person_id for row in await rows(connection, _OWNERS, ids=list(ids))}


async def publish(connection: AsyncConnection, contents: Mapping[int, str], now: datetime) -> None:
    """{message id: content as JSON}, available from now on; the apps of these people are told."""
    if contents:
        put = await rows(connection, _PUBLISH, ids=list(contents), contents=list(contents.values()), now=now)
        await changes.tell(connection, {row.person_id for row in put})


async def recipient(connection: AsyncConnection, customer_no: str) -> int | None:
    """The person's id, None when nobody has this number."""
    found = await rows(connection, _RECIPIENT, customer_no=customer_no)
    return int(found[0].id) if found else None


async def fetched(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """The app has them: sent becomes delivered, once."""
    if ids:
        await run(connection, _FETCHED, ids=list(ids), now=now)


async def own(connection: AsyncConnection, person_id: int, ids: Sequence[int]) -> set[int]:
    """Those of the messages that are pop-ups of this person's."""
    return {row.message_id for row in await rows(connection, _OWN, person=person_id, ids=list(ids))}
