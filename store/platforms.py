"""Platforms of a channel that nothing goes to until somebody lifts it: the credential of one is refused, the others go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, run, sql

_STOP = sql(
    """INSERT INTO stopped_platforms (channel, platform, reason, set_at) VALUES (:channel, :platform, :reason, :now)
       ON CONFLICT (channel, platform) DO NOTHING"""
)
_LIFT = sql("DELETE FROM stopped_platforms WHERE channel = coalesce(:channel, channel) RETURNING channel, platform, reason, set_at")
_ALL = sql("SELECT channel, platform, reason, set_at FROM stopped_platforms ORDER BY channel, platform")


@dataclass(frozen=True, slots=True)
class StoppedPlatform:
    """Its devices are left out; a message for no other device waits."""

    channel: str
    platform: str
    reason: str
    set_at: datetime


async def stop(connection: AsyncConnection, channel: str, platform: str, reason: str, now: datetime) -> bool:
    """False when it was stopped already."""
    return await run(connection, _STOP, channel=channel, platform=platform, reason=reason, now=now) > 0


async def lift(connection: AsyncConnection, channel: str | None) -> list[StoppedPlatform]:
    """Of one channel or of all; what was lifted."""
    return [StoppedPlatform(**row._asdict()) for row in await rows(connection, _LIFT, channel=channel)]


async def every(connection: AsyncConnection) -> list[StoppedPlatform]:
    return [StoppedPlatform(**row._asdict()) for row in await rows(connection, _ALL)]
