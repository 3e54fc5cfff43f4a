"""Housekeeping: what nobody will ask about again goes, in small batches."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from jobs.house import House
from store import upkeep

log = structlog.get_logger()

RECEIPTS_KEPT = timedelta(days=30)
BATCH = 5_000


async def housekeeping(house: House, now: datetime) -> int:
    """Delete applied receipts past their time and end jobs whose worker is gone; returns rows touched."""
    async with house.database.begin() as connection:
        touched = await upkeep.old_receipts(connection, now - RECEIPTS_KEPT, BATCH)
        touched += await upkeep.dead_jobs(connection)
    if touched:
        log.info("housekeeping.done", rows=touched)
    return touched
