"""Plays the house on a virtual clock: the same jobs as the daemon's, from one moment that matters to the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from jobs.clock import VirtualClock
from jobs.escalation import escalate
from jobs.house import House
from jobs.plan import plan
from jobs.receipts import apply_receipts
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from jobs.valve import valve
from rules.timetable import timetable
from scheduler.agenda import Agenda
from scheduler.firing import fire
from store import messages, moments

LONGEST_STEP = timedelta(hours=1)
ROUNDS = 10_000

Send = Callable[[], Awaitable[None]]
Step = Callable[[datetime], Awaitable[None]]
Settle = Callable[[House, VirtualClock, Send], Awaitable[None]]


async def settle(house: House, clock: VirtualClock, send: Send) -> None:
    """Everything that can happen now, happens."""
    for _ in range(ROUNDS):
        await fire(house, clock.now())
        planned = await plan(house, clock.now())
        await valve(house, clock.now())
        sent = await _sent(house, send)
        receipts = await apply_receipts(house, clock.now())
        swept = await sweep(house, clock.now())
        followed = await escalate(house, clock.now())
        if not (planned.runs or planned.events or sent or receipts or swept.lapsed or swept.nudged or swept.put_back or followed):
            break
    await reconcile(house, clock.now())


async def drive(
    house: House,
    clock: VirtualClock,
    until: datetime,
    send: Send,
    on_step: Step,
    *,
    settle: Settle = settle,
    longest: timedelta = LONGEST_STEP,
) -> None:
    """From the clock's now to `until`. send: carries out what is released; on_step: called after each settled moment.

    longest: look again after so long, even if nothing is known to be due; what others write meanwhile is seen then.
    """
    agenda = Agenda()
    while True:
        await settle(house, clock, send)
        await on_step(clock.now())
        if clock.now() >= until:
            return
        clock.advance_to(min(await next_moment(house, clock.now(), agenda, longest), until))


async def _sent(house: House, send: Send) -> int:
    """How many released messages the queues got rid of; those of a lost job stay."""
    before = await _outstanding(house)
    if before:
        await send()
    return before and before - await _outstanding(house)


async def _outstanding(house: House) -> int:
    async with house.database.begin() as connection:
        return sum((await messages.outstanding(connection)).values())


async def next_moment(house: House, now: datetime, agenda: Agenda, longest: timedelta) -> datetime:
    """The earliest of: a run falls due, a deferred message wakes, a window opens that one is queued for, an account may send again."""
    async with house.database.begin() as connection:
        ahead = await moments.ahead(connection, now)
        published = None if ahead.version is None else await house.catalog.version(connection, ahead.version)
    found = [now + longest, ahead.at]
    if published is not None:
        found.append(agenda.next(published, now, now + longest))
        for key in ahead.keys:
            _, hours, zone = published.window(key)
            opening = hours and timetable(published.calendar).openings(zone, (hours,)).opening(now)
            found += [opening[0]] if opening else []
    return _whole_minute(min(at for at in found if at is not None and at > now))


def _whole_minute(at: datetime) -> datetime:
    """Rounded up: moments a second apart are one step, and nothing happens before its time."""
    down = at.replace(second=0, microsecond=0)
    return down if down == at else down + timedelta(minutes=1)
