"""Housekeeping: what nobody will ask about again goes, in small batches."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from jobs.house import House
from store import domains, upkeep

log = structlog.get_logger()

RECEIPTS_KEPT = timedelta(days=30)
DOMAINS_KEPT = timedelta(days=1)  # by then every strike has been taken back
BATCH = 5_000


async def housekeeping(house: House, now: datetime) -> int:
    """Delete applied receipts past their time, jobs whose worker is gone and domains long forgiven; returns rows touched."""
    async with house.database.begin() as connection:
        touched = await upkeep.old_receipts(connection, now - RECEIPTS_KEPT, BATCH)
        touched += await upkeep.dead_jobs(connection)
        touched += await domains.forget(connection, now - DOMAINS_KEPT)
    if touched:
        log.info("housekeeping.done", rows=touched)
    return touched
