"""Housekeeping: what nobody will ask about again goes, in small batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.house import House
from store import domains, holds, ledger, quota, suspects, ticks, upkeep

log = structlog.get_logger()

RECEIPTS_KEPT = timedelta(days=30)
DOMAINS_KEPT = timedelta(days=1)  # by then every strike has been taken back
BATCH = 5_000


async def housekeeping(house: House, now: datetime) -> int:
    """Delete what is past its time: applied receipts, jobs whose worker is gone, what is remembered of people and domains; returns rows."""
    async with house.database.begin() as connection:
        touched = await upkeep.old_receipts(connection, now - RECEIPTS_KEPT, BATCH)
        touched += await upkeep.dead_jobs(connection)
        touched += await domains.forget(connection, now - DOMAINS_KEPT)
        touched += await holds.old(connection, now, BATCH)
        touched += await quota.old(connection, now, BATCH)
        touched += await suspects.old(connection, now)
        await _anchor(connection, now)
    if touched:
        log.info("housekeeping.done", rows=touched)
    return touched


async def _anchor(connection: AsyncConnection, now: datetime) -> None:
    """Once a day the head of the audit log into the log, which is kept elsewhere: what is cut off after that is missed."""
    day = now.astimezone(UTC).date().isoformat()
    if await ticks.fact(connection, "audit_log.head") == day:
        return
    await ticks.set_fact(connection, "audit_log.head", day, now)
    if newest := await ledger.head(connection):
        log.info("audit_log.head", row=newest.id, hash=newest.hash, action=newest.action)
