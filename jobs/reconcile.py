"""Reconcile: close what is finished, withdraw what is no longer wanted, and say aloud what hangs."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from jobs.house import House
from jobs.reservoir import held_for_approval
from store import digests, escalation, messages, runs, versions

log = structlog.get_logger()

WATCHED = timedelta(days=1)  # after its end: longer than anybody's transaction lasts


async def reconcile(house: House, now: datetime) -> int:
    """Finish runs that have nothing left to do; returns how many. A campaign taken out of the configuration is withdrawn."""
    await _withdraw(house, now)
    async with house.database.begin() as connection:
        reopened = await runs.reopen(connection, now - WATCHED)
        finished = await runs.finish(connection, now)
        published = await house.catalog.newest(connection)
        approved = await versions.approvals(connection)
        active = await runs.active(connection)
    for run_id, campaign, occurrence in reopened:
        log.info("run.reopened", run_id=run_id, campaign=campaign, occurrence=occurrence)
    for run_id, campaign, occurrence in finished:
        log.info("run.finished", run_id=run_id, campaign=campaign, occurrence=occurrence)
    for run in active:
        if published and held_for_approval(published, run.category, run.campaign, run.content_hash, approved):
            log.warning("run.awaits_approval", run_id=run.id, campaign=run.campaign, expires_at=run.expires_at.isoformat())
    return len(finished)


async def _withdraw(house: House, now: datetime) -> None:
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        if published is None:
            return
        gone = [run for run in await runs.active(connection) if run.campaign not in published.config.campaigns]
        for run in gone:
            await digests.unload(connection, run.id, now)
            await escalation.give_up(connection, run.id)
            count = await messages.cancel(connection, run.id, "campaign_removed", now)
            if count:
                log.warning("run.withdrawn", run_id=run.id, campaign=run.campaign, occurrence=run.occurrence, messages=count)
