"""Published configurations, approvals, pauses: what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store import changes
from store.statements import JSON, rows, run, sql

_PUBLISH = sql(
    # A clock that was set back must not leave the older version in force.
    """INSERT INTO versions (hash, files, published_at, activated_at)
       SELECT :hash, :files, :now, greatest(CAST(:now AS timestamptz), max(activated_at) + interval '1 microsecond') FROM versions
       ON CONFLICT (hash) DO UPDATE SET activated_at = greatest(excluded.activated_at, versions.activated_at)
       RETURNING id""",
    files=JSON,
)
_NEWEST = sql("SELECT id FROM versions ORDER BY activated_at DESC, id DESC LIMIT 1")
_FILES = sql("SELECT files FROM versions WHERE id = :id")
_APPROVE = sql(
    """INSERT INTO approvals (campaign, content_hash, approved_by, approved_at) VALUES (:campaign, :hash, :by, :now)
       ON CONFLICT (campaign, content_hash) DO NOTHING"""
)
_APPROVED = sql("SELECT campaign, content_hash FROM approvals")
_PAUSES = sql("SELECT campaign, channel, reason, set_by, set_at FROM pauses ORDER BY id")
_PAUSE = sql(
    """INSERT INTO pauses (campaign, channel, reason, set_by, set_at) VALUES (:campaign, :channel, :reason, :by, :now)
       ON CONFLICT (campaign, channel) DO NOTHING"""
)
_RESUME = sql(
    """DELETE FROM pauses WHERE :everything OR (campaign IS NOT DISTINCT FROM CAST(:campaign AS text)
       AND channel IS NOT DISTINCT FROM CAST(:channel AS text))"""
)


@dataclass(frozen=True, slots=True)
class Pause:
    """A live stop. Both names None = the kill switch."""

    campaign: str | None
    channel: str | None
    reason: str
    set_by: str
    set_at: datetime

    def holds(self, campaign: str, channel: str) -> bool:
        return self.campaign in (None, campaign) and self.channel in (None, channel)


async def publish(connection: AsyncConnection, *, digest: str, files: Mapping[str, str], now: datetime) -> int:
    """Put a version in force; the id is the same for the same content."""
    found = await rows(connection, _PUBLISH, hash=digest, files=dict(files), now=now)
    return int(found[0].id)


async def newest(connection: AsyncConnection) -> int | None:
    found = await rows(connection, _NEWEST)
    return int(found[0].id) if found else None


async def files(connection: AsyncConnection, version_id: int) -> dict[str, str]:
    return dict((await rows(connection, _FILES, id=version_id))[0].files)


async def approve(connection: AsyncConnection, *, campaign: str, content_hash: str, by: str, now: datetime) -> bool:
    """False when this content was approved before."""
    return await run(connection, _APPROVE, campaign=campaign, hash=content_hash, by=by, now=now) > 0


async def approvals(connection: AsyncConnection) -> frozenset[tuple[str, str]]:
    """(campaign, content hash) of everything ever approved."""
    return frozenset((row.campaign, row.content_hash) for row in await rows(connection, _APPROVED))


async def pauses(connection: AsyncConnection) -> tuple[Pause, ...]:
    return tuple(Pause(row.campaign, row.channel, row.reason, row.set_by, row.set_at) for row in await rows(connection, _PAUSES))


async def pause(connection: AsyncConnection, *, campaign: str | None, channel: str | None, reason: str, by: str, now: datetime) -> bool:
    """False when it was paused already."""
    new = await run(connection, _PAUSE, campaign=campaign, channel=channel, reason=reason, by=by, now=now) > 0
    if new and channel in (None, changes.CHANNEL):
        await changes.tell_everybody(connection)
    return new


async def resume(connection: AsyncConnection, *, campaign: str | None, channel: str | None, everything: bool) -> int:
    """How many stops were lifted."""
    lifted = await run(connection, _RESUME, campaign=campaign, channel=channel, everything=everything)
    if lifted and channel in (None, changes.CHANNEL):
        await changes.tell_everybody(connection)
    return lifted
