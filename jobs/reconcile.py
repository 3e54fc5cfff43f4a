"""Reconcile: close what is finished, and say aloud what hangs."""

from __future__ import annotations

from datetime import datetime

import structlog

from jobs.house import House
from jobs.valve import held_for_approval
from store import runs, versions

log = structlog.get_logger()


async def reconcile(house: House, now: datetime) -> int:
    """Finish runs that have nothing left to do; returns how many."""
    async with house.database.begin() as connection:
        finished = await runs.finish(connection, now)
        published = await house.catalog.newest(connection)
        approved = await versions.approvals(connection)
        active = await runs.active(connection)
    for run_id, campaign, occurrence in finished:
        log.info("run.finished", run_id=run_id, campaign=campaign, occurrence=occurrence)
    for run in active:
        if published and held_for_approval(published, run.category, run.campaign, run.content_hash, approved):
            log.warning("run.awaits_approval", run_id=run.id, campaign=run.campaign, expires_at=run.expires_at.isoformat())
    return len(finished)
