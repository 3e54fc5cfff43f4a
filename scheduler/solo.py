"""Settling a stage where nobody else writes and nothing is really sent: of the daemon's jobs, those that can have something to do."""

from __future__ import annotations

from datetime import datetime, timedelta

from jobs.catalog import Published
from jobs.clock import VirtualClock
from jobs.escalation import escalate
from jobs.house import House
from jobs.plan import plan
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from jobs.valve import valve
from rules.timetable import timetable
from scheduler import drive
from scheduler.agenda import Agenda
from scheduler.drive import Send
from scheduler.firing import fire
from store import escalation, moments

RECONCILE_EVERY = timedelta(days=1)  # runs that are finished are closed; nothing else waits for it


class Solo:
    """Settles as drive.settle does. The first time it is that one, which takes along whatever was left there."""

    def __init__(self) -> None:
        self._agenda = Agenda()
        self._fired: datetime | None = None
        self._reconciled: datetime | None = None
        self._escalates: bool | None = None  # a run under way has messages others are to follow; None = to be asked
        self._cramped = False  # something may have stayed for want of room

    async def settle(self, house: House, clock: VirtualClock, send: Send) -> None:
        if self._fired is None:
            self._fired = clock.now()
            await drive.settle(house, clock, send)
            return
        again = await self._round(house, clock, send)
        while again and (self._cramped or await _more(house, clock.now())):
            again = await self._round(house, clock, send)
        if self._reconciled is None or clock.now() - self._reconciled >= RECONCILE_EVERY:
            self._reconciled = clock.now()
            await reconcile(house, clock.now())

    async def _round(self, house: House, clock: VirtualClock, send: Send) -> bool:
        """Whether anything happened."""
        planned = await self._plan(house, clock.now())
        planned += await self._follow(house, clock.now(), anew=planned > 0)
        report = await valve(house, clock.now())
        if report.released:
            await send()
        self._cramped = any(left <= 0 for left in report.stock.values())
        if report.merged:
            await sweep(house, clock.now())  # closes what went inside another
        return bool(planned or report.decided)

    async def _follow(self, house: House, now: datetime, *, anew: bool) -> int:
        """anew: runs were planned, maybe the first of which messages are to be followed."""
        if self._escalates is None or anew:
            async with house.database.begin() as connection:
                self._escalates = await escalation.expected(connection)
        return await escalate(house, now) if self._escalates else 0

    async def _plan(self, house: House, now: datetime) -> int:
        async with house.database.begin() as connection:
            published = await house.catalog.newest(connection)
        if published is None or self._fired is None or self._agenda.next(published, self._fired, now) is None:
            return 0
        self._fired = now
        await fire(house, now)
        planned = 0
        while (more := await plan(house, now)).runs:
            planned += more.runs
        return planned


async def _more(house: House, now: datetime) -> bool:
    """Whether anything is left that could go at `now`: the clock moves while messages are sent."""
    async with house.database.begin() as connection:
        ahead = await moments.ahead(connection, now)
        published = None if ahead.version is None else await house.catalog.version(connection, ahead.version)
    return ahead.overdue or (published is not None and any(_open(published, key, now) for key in ahead.keys))


def _open(published: Published, key: str, now: datetime) -> bool:
    """Or without hours at all: then it is looked at to be suppressed."""
    _, hours, zone = published.window(key)
    return hours is None or timetable(published.calendar).openings(zone, (hours,)).is_open(now)
