"""Housekeeping: what nobody will ask about again goes, in small batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from config.retention import Retention
from jobs.catalog import Published
from jobs.forget import keep_forgotten
from jobs.house import House
from jobs.retention import messages_kept
from store import domains, holds, ledger, quota, suspects, ticks, upkeep

log = structlog.get_logger()

DOMAINS_KEPT = timedelta(days=1)  # by then every strike has been taken back
BATCH = 5_000
ROUNDS = 100  # batches of one kind at a time: half a million rows in five minutes, more than any account sends

Step = Callable[[AsyncConnection], Awaitable[int]]


async def housekeeping(house: House, now: datetime) -> int:
    """Delete what is past its time; returns rows. Each batch is a transaction, so that nobody waits long for what it locks."""
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        await _anchor(connection, now)
    touched: dict[str, int] = {}
    for name, step in _steps(house.settings.retention, published, now).items():
        if done := await _thorough(house, step):
            touched[name] = done
    if forgotten := await keep_forgotten(house, now):
        touched["forgotten"] = forgotten
    if touched:
        log.info("housekeeping.done", rows=sum(touched.values()), **touched)
    return sum(touched.values())


async def _thorough(house: House, step: Step) -> int:
    touched = 0
    for _ in range(ROUNDS):
        async with house.database.begin() as connection:
            done = await step(connection)
        touched += done
        if done < BATCH:
            break
    return touched


def _steps(kept: Retention, published: Published | None, now: datetime) -> dict[str, Step]:
    """Messages before their runs, these before the events and configurations they came from."""
    over = now - messages_kept(kept, published)
    return {
        "receipts": lambda connection: upkeep.old_receipts(connection, now - kept.receipts, BATCH),
        "interactions": lambda connection: upkeep.old_interactions(connection, now - kept.interactions, BATCH),
        "event_data": lambda connection: upkeep.old_event_data(connection, now - kept.event_data, BATCH),
        "popup_content": lambda connection: upkeep.old_popup_content(connection, now - kept.popup_content, BATCH),
        "trials": lambda connection: upkeep.old_trials(connection, now, BATCH),
        "messages": lambda connection: upkeep.old_messages(connection, over, BATCH),
        "runs": lambda connection: upkeep.old_runs(connection, over, BATCH),
        "events": lambda connection: upkeep.old_events(connection, over, BATCH),
        "versions": lambda connection: upkeep.old_versions(connection, over),
        "jobs": lambda connection: upkeep.dead_jobs(connection, BATCH),
        "domains": lambda connection: domains.forget(connection, now - DOMAINS_KEPT),
        "holds": lambda connection: holds.old(connection, now, BATCH),
        "quotas": lambda connection: quota.old(connection, now, BATCH),
        "suspects": lambda connection: suspects.old(connection, now),
    }


async def _anchor(connection: AsyncConnection, now: datetime) -> None:
    """Once a day the head of the audit log into the log, which is kept elsewhere: what is cut off after that is missed."""
    day = now.astimezone(UTC).date().isoformat()
    if await ticks.fact(connection, "audit_log.head") == day:
        return
    await ticks.set_fact(connection, "audit_log.head", day, now)
    if newest := await ledger.head(connection):
        log.info("audit_log.head", row=newest.id, hash=newest.hash, action=newest.action)
