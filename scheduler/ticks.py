"""Ticks: the handful of jobs the daemon's clock drives, each guarded so that no exception ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from jobs.escalation import escalate
from jobs.house import House
from jobs.housekeeping import housekeeping
from jobs.plan import plan, plan_events, plan_runs
from jobs.receipts import apply_receipts
from jobs.recognise import recognising_valve
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from scheduler.firing import fire
from store import ticks

log = structlog.get_logger()

Job = Callable[[House, datetime], Awaitable[Any]]


@dataclass
class Tick:
    """A job and how often it runs. `again` asks for one more round when it is nudged while it runs."""

    name: str
    seconds: float
    job: Job
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    again: bool = False
    ended: bool = False

    async def run(self, house: House) -> bool:
        """Never raises for what the job does. False when it failed."""
        if self.lock.locked():
            self.again = True
            return True
        async with self.lock:
            if self.ended:
                return True
            ok = await guarded(house, self.name, self.job)
            while self.again and ok and not self.ended:
                self.again = False
                ok = await guarded(house, self.name, self.job)
            return ok

    async def end(self) -> None:
        """No more rounds; back when the one that is under way has ended."""
        self.ended = True
        async with self.lock:
            return


async def guarded(house: House, name: str, job: Job) -> bool:
    """One round of a tick: its success is recorded, its failure told, and neither ends the daemon."""
    try:
        now = await house.clock.sync()
        await job(house, now)
        async with house.database.begin() as connection:
            await ticks.succeeded(connection, name, now)
        return True
    except Exception as error:
        log.exception("tick.failed", tick=name)
        await _record(house, name, error)
        return False


async def _record(house: House, name: str, error: Exception) -> None:
    # The class alone: a database error's text quotes the row it failed on.
    try:
        async with house.database.begin() as connection:
            await ticks.failed(connection, name, type(error).__name__, house.clock.now())
    except Exception:
        log.warning("tick.failure_not_recorded", tick=name)


async def fire_and_plan(house: House, now: datetime) -> None:
    await fire(house, now)
    await plan(house, now)


async def fire_and_plan_runs(house: House, now: datetime) -> None:
    await fire(house, now)
    await plan_runs(house, now)


def every_tick(sweep_seconds: float = 10) -> tuple[Tick, ...]:
    """The daemon's ticks. Seconds are chosen so that a service message is on its way within two."""
    return (
        Tick("plan", 1, fire_and_plan_runs),
        Tick("events", 1, plan_events),
        Tick("valve", 1, recognising_valve),
        Tick("receipts", 1, apply_receipts),
        Tick("sweep", sweep_seconds, sweep),
        Tick("escalate", 10, escalate),
        Tick("reconcile", 30, reconcile),
        Tick("housekeeping", 300, housekeeping),
    )
