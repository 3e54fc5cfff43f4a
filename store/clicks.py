"""Whose message a followed link stood in: what its words are filled in with once more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql

_MESSAGE = sql(
    """SELECT m.id, m.person_id, m.category, m.variant, r.campaign, r.version_id, r.data AS run_data, e.data AS event_data,
              p.name, p.customer_no, p.locale, p.attributes
       FROM messages m JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id LEFT JOIN events e ON e.id = m.event_ref
       WHERE m.id = :id AND p.forgotten_at IS NULL"""
)


async def message(connection: AsyncConnection, message_id: int) -> Row[Any] | None:
    """The message with its run, event and person; None when it does not exist (any more)."""
    found = await rows(connection, _MESSAGE, id=message_id)
    return found[0] if found else None
