"""Firing: occurrences that have come become runs, each once, whoever fires; what was missed is caught up by its policy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from config.models import Campaign
from jobs.catalog import Published
from jobs.house import House
from jobs.mishaps import words
from jobs.plan import new_run
from scheduler.occurrences import Occurrence, occurrences
from store import runs, ticks

log = structlog.get_logger()

FAULTS = "firing_faults"  # campaign → why its occurrences cannot be computed
PUNCTUAL = timedelta(minutes=5)  # a run this late is not called missed: ticks and restarts take a moment


async def fire(house: House, now: datetime) -> int:
    """Create the runs that have fallen due since each campaign was last looked at; returns how many are new."""
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        if published is None:
            return 0
        seen = await runs.planned_until(connection)
        new: list[runs.NewRun] = []
        faults: dict[str, str] = {}
        for name, campaign in published.config.campaigns.items():
            # A campaign is not caught up to before it was first published.
            if campaign.when.event is None and name in seen:
                try:
                    new += _runs_of(published, campaign, seen[name], now)
                except Exception as error:  # it is looked at from the same moment again; the other campaigns go on
                    faults[name] = words(error)
        created = await runs.create(connection, new)
        await runs.move_planned_until(connection, {name: now for name in published.config.campaigns if name not in faults})
        await _tell(connection, faults, now)
    for run_id, campaign_name, occurrence, status, reason in created:
        log.info(f"run.{status}", run_id=run_id, campaign=campaign_name, occurrence=occurrence, reason=reason)
    return len(created)


def _runs_of(published: Published, campaign: Campaign, since: datetime, now: datetime) -> list[runs.NewRun]:
    due = occurrences(published.config, campaign, published.calendar, since, now)
    return [new_run(published, campaign, item.key, item.at, data=item.data, skipped=why) for item, why in caught_up(campaign, due, now)]


async def _tell(connection: AsyncConnection, faults: dict[str, str], now: datetime) -> None:
    """Where on-call looks, when it is news."""
    if faults == (await ticks.fact(connection, FAULTS) or {}):
        return
    if not faults:
        await ticks.clear_fact(connection, FAULTS)
        return
    log.error("campaign.not_fired", campaigns=faults)
    await ticks.set_fact(connection, FAULTS, faults, now)


def caught_up(campaign: Campaign, due: Sequence[Occurrence], now: datetime) -> list[tuple[Occurrence, str | None]]:
    """Each occurrence with the reason it is skipped, None for those that run."""
    result: list[tuple[Occurrence, str | None]] = []
    for item in due:
        reason = None
        if item.at + campaign.expires <= now:
            reason = "missed:expired"
        elif campaign.catch_up == "skip" and now - item.at > PUNCTUAL:
            reason = "missed:catch_up_skip"
        elif campaign.catch_up == "latest" and item is not due[-1]:
            reason = "missed:catch_up_latest"
        result.append((item, reason))
    return result
