"""Ticks: the handful of jobs the daemon's clock drives, each guarded so that neither an exception nor a job that hangs ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from jobs.escalation import escalate
from jobs.house import House
from jobs.housekeeping import housekeeping
from jobs.mishaps import is_outage, words
from jobs.pause import pause
from jobs.plan import plan, plan_events, plan_runs
from jobs.receipts import apply_receipts
from jobs.recognise import recognising_valve
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from scheduler.firing import fire
from store import ticks

log = structlog.get_logger()

RETRY_SECONDS = 5.0  # a tick that failed is back after this long at most
UNWILLING_SECONDS = 10.0  # what does not even end when it is cancelled is left behind after so long
RECORD_SECONDS = 5.0
LOOK_SECONDS = 20.0
LIMIT_SECONDS = 300.0

Job = Callable[[House, datetime], Awaitable[Any]]


class Overdue(Exception):
    """A job took longer than its tick allows."""


class Quit(Exception):
    """A job was cancelled from inside, or asked the process to exit."""


@dataclass
class Tick:
    """A job and how often it runs. `again` asks for one more round when it is nudged while it runs.

    limit: seconds a round may take; every job keeps its place in the database, so the next round goes on where it ended
    retry: seconds until it is back after a failure, at most
    core:  without it nothing new goes out
    """

    name: str
    seconds: float
    job: Job
    limit: float = LIMIT_SECONDS
    retry: float = RETRY_SECONDS
    core: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    again: bool = False
    ended: bool = False

    async def run(self, house: House) -> bool:
        """Never raises for what the job does. False when it failed."""
        if self.lock.locked():
            self.again = True
            return True
        async with self.lock:
            ok = await guarded(house, self.name, self.job, self.limit)
            while self.again and ok:
                self.again = False
                ok = await guarded(house, self.name, self.job, self.limit)
            return ok

    async def keep_running(self, house: House, stop: asyncio.Event) -> None:
        """Round after round by the monotonic clock: a wall clock that is set anew neither stops nor doubles one."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            began = loop.time()
            ok = await self.run(house)
            wait = self.seconds if ok else min(self.seconds, self.retry)
            await pause(stop, max(began + wait - loop.time(), 0.05))


async def guarded(house: House, name: str, job: Job, limit: float = LIMIT_SECONDS, look: float = LOOK_SECONDS) -> bool:
    """One round of a tick: its success is recorded, its failure told, and neither ends the daemon.

    look: seconds between two signs that a round within its limit is at work
    """
    working = asyncio.create_task(_tell_at_work(house, name, look))
    try:
        await _within(limit, _round(house, name, job), name)
    except Exception as error:
        log.exception("tick.failed", tick=name)
        house.vitals.came_round(name, excused=is_outage(error))
        await _record(house, name, error)
        return False
    finally:
        working.cancel()
        await asyncio.wait({working}, timeout=RECORD_SECONDS)
    house.vitals.good(name)
    return True


async def _tell_at_work(house: House, name: str, look: float) -> None:
    """A plan of millions is one statement of minutes: whoever watches must not take it for dead."""
    while True:
        await asyncio.sleep(look)
        if house.vitals.at_work(name):
            with suppress(Exception):  # told again in a moment
                async with asyncio.timeout(RECORD_SECONDS), house.database.begin() as connection:
                    await ticks.at_work(connection, name, house.clock.now())


async def _round(house: House, name: str, job: Job) -> None:
    try:
        now = await house.clock.sync()
        await job(house, now)
        async with house.database.begin() as connection:
            await ticks.succeeded(connection, name, now)
    except SystemExit as error:  # of a library; as such it would end the loop, and with it the process
        raise Quit(f"SystemExit({error.code})") from error


async def _within(seconds: float, work: Coroutine[Any, Any, None], name: str) -> None:
    """In a task of its own, so that a job that does not let itself be cancelled holds nothing up but itself. Raises Overdue."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not (in_time := task.done()):
            task.cancel()
            await asyncio.wait({task}, timeout=UNWILLING_SECONDS)
    if not task.done():
        task.add_done_callback(_left_behind)
        log.error("tick.left_behind", tick=name)
    if not in_time:
        raise Overdue(f"longer than {seconds:g} s")
    if task.cancelled():
        raise Quit("cancelled from inside")
    task.result()


def _left_behind(task: asyncio.Task[None]) -> None:
    """Its end, whenever it comes, is nobody's concern any more: every statement of a job names the state it expects."""
    if not task.cancelled():
        task.exception()


async def _record(house: House, name: str, error: Exception) -> None:
    try:
        async with asyncio.timeout(RECORD_SECONDS), house.database.begin() as connection:
            await ticks.failed(connection, name, words(error), house.clock.now())
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
        Tick("plan", 1, fire_and_plan_runs, limit=1_800, core=True),  # a run of millions is one statement
        Tick("events", 1, plan_events),
        Tick("valve", 1, recognising_valve, core=True),
        Tick("receipts", 1, apply_receipts),
        Tick("sweep", sweep_seconds, sweep),
        Tick("escalate", 10, escalate),
        Tick("reconcile", 30, reconcile),
        Tick("housekeeping", 300, housekeeping, limit=900),
    )
