"""When anything that waits next needs a look, in one question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql

_AHEAD = sql(
    """SELECT (SELECT id FROM versions ORDER BY activated_at DESC, id DESC LIMIT 1) AS version,
              least((SELECT min(next_attempt_at) FROM messages WHERE status = 'deferred' AND next_attempt_at > :now),
                    (SELECT min(expires_at) FROM messages WHERE status IN ('queued', 'deferred') AND expires_at > :now),
                    (SELECT min(m.at) FROM runs r CROSS JOIN LATERAL (
                       SELECT min(m.sent_at) + make_interval(secs => CAST(r.escalation ->> 'after' AS double precision)) AS at
                       FROM messages m WHERE m.run_id = r.id AND m.escalates AND m.status IN ('sent', 'delivered', 'read', 'unknown')) m
                     WHERE r.status = 'active' AND r.escalation IS NOT NULL AND m.at > :now),
                    (SELECT min(lease_until) FROM messages WHERE status = 'sending' AND lease_until > :now),
                    (SELECT min(open_until) FROM limits WHERE open_until > :now)) AS at,
              EXISTS (SELECT FROM messages WHERE status = 'deferred' AND next_attempt_at <= :now)
                OR coalesce((SELECT min(expires_at) FROM messages WHERE status IN ('queued', 'deferred')) <= :now, false) AS overdue,
              ARRAY(SELECT DISTINCT window_key FROM messages WHERE status = 'queued' ORDER BY 1) AS keys"""
)


@dataclass(frozen=True, slots=True)
class Ahead:
    """version: in force, None before the first. at: the first moment after now at which a wait, a lease or an account's stop ends,

    or the patience with those who did not answer a message.

    overdue: something should have been woken or expired by now. keys: the window keys of what is queued.
    """

    version: int | None
    at: datetime | None
    overdue: bool
    keys: tuple[str, ...]


async def ahead(connection: AsyncConnection, now: datetime) -> Ahead:
    found: Any = (await rows(connection, _AHEAD, now=now))[0]
    return Ahead(found.version, found.at, found.overdue, tuple(found.keys))
