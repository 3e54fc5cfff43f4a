"""A provider that refuses the credential of one platform stops that platform; messages for other devices go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Outcome, Rejected
from channels.signals import StopChannel
from store import outbox, platforms, ticks

log = structlog.get_logger()

ELSEWHERE = "SENDER_ID_MISMATCH"  # the device belongs to another project
SHARE, LEAST = 0.2, 5  # of a block's answers, and at least so many: no longer single devices but a wrong setting or file
HUSH = timedelta(hours=1)
_TOLD = "devices_of_another_project"
AGAIN = timedelta(minutes=5)  # how soon a message that has no other device is looked at again


async def let_through(connection: AsyncConnection, rows: Sequence[Any], now: datetime) -> list[Any]:
    """Of claimed rows, those with a device left, or with none at all; the others are deferred, with no attempt counted."""
    held = [row for row in rows if row.held_back and not row.addresses]
    back = [outbox.Settlement(row.id, row.fence, "deferred", now, "paused", next_attempt_at=now + AGAIN, uncounted=1) for row in held]
    await outbox.settle(connection, back)
    return [row for row in rows if row not in held] if held else list(rows)


async def heed(connection: AsyncConnection, channel: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Stop the platforms whose credential was refused, and say it aloud when many devices belong to another project."""
    refused = {(signal.platform, signal.code) for outcome in outcomes if isinstance(signal := outcome.signal, StopChannel)}
    for platform, code in sorted((platform, code) for platform, code in refused if platform is not None):
        if await platforms.stop(connection, channel, platform, f"provider refused its credential: {code}", now):
            log.error("platform.stopped", channel=channel, platform=platform, code=code)
    strange = sum(isinstance(outcome, Rejected) and outcome.code == ELSEWHERE for outcome in outcomes)
    if strange >= max(LEAST, SHARE * len(outcomes)):
        await _strange(connection, channel, strange, len(outcomes), now)


async def _strange(connection: AsyncConnection, channel: str, devices: int, of: int, now: datetime) -> None:
    """Once an hour: each of these devices is dropped, and with a wrong project all of them would be."""
    told = await ticks.fact(connection, _TOLD)
    if told is None or datetime.fromisoformat(told) <= now - HUSH:
        await ticks.set_fact(connection, _TOLD, now.isoformat(), now)
        log.error("devices.of_another_project", channel=channel, devices=devices, of=of)
