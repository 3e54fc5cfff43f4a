"""A tick that fails, hangs or is cancelled from inside: the next round comes within five seconds, and the stop is still a stop."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

import pytest
from freezegun import freeze_time

from jobs.house import House
from scheduler.ticks import Job, Tick, every_tick, guarded
from store import ticks

SECONDS = 20


async def cancelled_inside(house: House, now: datetime) -> None:
    raise asyncio.CancelledError


async def cancels_its_own_task(house: House, now: datetime) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.Event().wait()


async def leaves(house: House, now: datetime) -> None:
    sys.exit(3)


async def out_of_memory(house: House, now: datetime) -> None:
    raise MemoryError


async def too_deep(house: House, now: datetime) -> None:
    await too_deep(house, now)


async def a_group(house: House, now: datetime) -> None:
    raise ExceptionGroup("several", [ValueError(), KeyError()])


JOBS: list[Job] = [cancelled_inside, cancels_its_own_task, leaves, out_of_memory, too_deep, a_group]


@pytest.mark.parametrize("job", JOBS, ids=["cancelled", "cancels itself", "exits", "no memory", "too deep", "a group"])
async def test_whatever_a_job_raises_its_round_fails_and_nothing_else(house: House, job: Job) -> None:
    assert await guarded(house, "valve", job) is False
    async with house.database.begin() as connection:
        [told] = await ticks.every(connection)
    assert told.last_error is not None


async def hangs(house: House, now: datetime) -> None:
    await asyncio.Event().wait()


async def test_a_job_that_hangs_is_ended_after_its_limit(house: House) -> None:
    assert await guarded(house, "valve", hangs, 0.05) is False
    async with house.database.begin() as connection:
        [told] = await ticks.every(connection)
    assert (told.last_error or "").startswith("Overdue")


async def test_a_transaction_that_hangs_is_rolled_back_and_lets_go_of_its_locks(house: House) -> None:
    async def holds(house: House, now: datetime) -> None:
        async with house.database.begin() as connection:
            await ticks.set_fact(connection, "held", 1, now)
            await asyncio.Event().wait()

    assert await guarded(house, "valve", holds, 0.1) is False
    async with asyncio.timeout(SECONDS), house.database.begin() as connection:
        assert await ticks.fact(connection, "held") is None
        await ticks.set_fact(connection, "held", 2, house.clock.now())


async def rounds(house: House, tick: Tick, n: int, came: asyncio.Queue[float]) -> list[float]:
    stop = asyncio.Event()
    running = asyncio.create_task(tick.keep_running(house, stop))
    async with asyncio.timeout(SECONDS):
        found = [await came.get() for _ in range(n)]
    stop.set()
    async with asyncio.timeout(SECONDS):
        await running
    return found


async def test_a_tick_of_five_minutes_that_failed_is_back_at_once(house: House) -> None:
    came: asyncio.Queue[float] = asyncio.Queue()

    async def fails_once(house: House, now: datetime) -> None:
        came.put_nowait(asyncio.get_running_loop().time())
        if came.qsize() == 1:
            raise ValueError

    await rounds(house, Tick("housekeeping", 300, fails_once, retry=0.05), 2, came)
    assert all(tick.retry <= 5 for tick in every_tick())


async def test_ticks_go_on_while_the_wall_clock_is_set_back_and_forth(house: House) -> None:
    came: asyncio.Queue[float] = asyncio.Queue()
    moments = iter(["2026-11-20 18:30", "2026-11-20 17:30", "2026-11-20 19:30", "2026-11-20 16:30"])

    async def sets_the_clock(house: House, now: datetime) -> None:
        came.put_nowait(asyncio.get_running_loop().time())
        frozen.move_to(next(moments))

    with freeze_time("2026-11-20 18:30", real_asyncio=True) as frozen:
        found = await rounds(house, Tick("valve", 0.05, sets_the_clock), 4, came)
    assert found[-1] - found[0] < SECONDS


async def test_a_stop_ends_a_tick_under_way(house: House) -> None:
    started, stop = asyncio.Event(), asyncio.Event()

    async def works(house: House, now: datetime) -> None:
        started.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(Tick("plan", 1, works).keep_running(house, stop))
    async with asyncio.timeout(SECONDS):
        await started.wait()
        stop.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
