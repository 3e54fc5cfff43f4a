"""Housekeeping: what nobody will ask about again goes, in small batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.forget import keep_forgotten
from jobs.house import House
from jobs.retention import messages_kept
from store import domains, holds, ledger, quota, suspects, ticks, upkeep

log = structlog.get_logger()

DOMAINS_KEPT = timedelta(days=1)  # by then every strike has been taken back
BATCH = 5_000
FORGOTTEN_AT_ONCE = 100


async def housekeeping(house: House, now: datetime) -> int:
    """Delete what is past its time: applied receipts, jobs whose worker is gone, what is remembered of people and domains; returns rows."""
    kept = house.settings.retention
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        touched = await upkeep.old_receipts(connection, now - kept.receipts, BATCH)
        touched += await upkeep.old_interactions(connection, now - kept.interactions, BATCH)
        touched += await upkeep.old_event_data(connection, now - kept.event_data, BATCH)
        touched += await upkeep.old_popup_content(connection, now - kept.popup_content, BATCH)
        touched += await upkeep.old_trials(connection, now, BATCH)
        touched += await upkeep.old_versions(connection, now - messages_kept(kept, published))
        touched += await upkeep.dead_jobs(connection)
        touched += await domains.forget(connection, now - DOMAINS_KEPT)
        touched += await holds.old(connection, now, BATCH)
        touched += await quota.old(connection, now, BATCH)
        touched += await suspects.old(connection, now)
        await _anchor(connection, now)
    touched += await keep_forgotten(house, now, FORGOTTEN_AT_ONCE)
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
