"""Housekeeping: what nobody will ask about again goes, in small batches."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from jobs.house import House
from store import domains, holds, quota, suspects, upkeep

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
    if touched:
        log.info("housekeeping.done", rows=touched)
    return touched
