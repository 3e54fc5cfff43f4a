"""Who watches from outside is fed only while the process does its work: systemd over its socket, a heartbeat over HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from config.problems import ConfigError
from config.settings import Settings
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.vitals import Vitals
from scheduler.systemd import Manager
from scheduler.ticks import guarded
from scheduler.watch import send_heartbeats, tell_manager
from store import ticks
from tests.world import environment

SECONDS = 20


class Hours:
    """Seconds of a clock in our hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def vital(house: House, hours: Hours) -> House:
    return replace(house, vitals=Vitals(hours))


@pytest.fixture(params=["a path", "abstract"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "a path" else f"@kabar-test-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def manager(place: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(place.replace("@", "\0", 1))
        line.setblocking(False)
        yield line


async def heard(line: socket.socket, word: str) -> str:
    async with asyncio.timeout(SECONDS):
        while word not in (said := (await asyncio.get_running_loop().sock_recv(line, 4096)).decode()):
            continue
    return said


async def test_systemd_hears_ready_then_watchdogs_then_stopping(vital: House, place: str, manager: socket.socket) -> None:
    stop = asyncio.Event()
    vital.vitals.expect("valve")
    telling = asyncio.create_task(tell_manager(vital, stop, Manager({"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "20000"})))
    assert await heard(manager, "") == "STATUS=at work"
    vital.vitals.good("valve")
    assert await heard(manager, "READY") == "READY=1"
    assert await heard(manager, "WATCHDOG") == "WATCHDOG=1"
    stop.set()
    assert await heard(manager, "STOPPING") == "STOPPING=1"
    await telling


async def test_the_watchdog_starves_when_a_core_tick_is_stuck_and_lives_through_a_database_that_is_away(
    vital: House, hours: Hours, place: str, manager: socket.socket
) -> None:
    stop = asyncio.Event()
    vital.vitals.expect("valve")
    vital.vitals.good("valve")
    telling = asyncio.create_task(tell_manager(vital, stop, Manager({"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "20000"})))
    await heard(manager, "WATCHDOG")
    hours.at += 3600
    vital.vitals.came_round("valve", excused=True)  # the database does not answer
    assert await heard(manager, "late") == "STATUS=late: valve"
    await heard(manager, "WATCHDOG")
    hours.at += 3600
    vital.vitals.came_round("valve", excused=False)
    assert await heard(manager, "stuck") == "STATUS=stuck: valve"
    vital.vitals.good("valve")
    assert await heard(manager, "") == "STATUS=at work"  # nothing was said in between
    await heard(manager, "WATCHDOG")
    stop.set()
    await telling


async def test_a_long_round_is_no_dead_tick_and_one_that_used_up_its_limit_is(
    vital: House, clock: VirtualClock, hours: Hours, place: str, manager: socket.socket
) -> None:
    stop, told = asyncio.Event(), asyncio.Queue[datetime]()

    async def plans(house: House, now: datetime) -> None:
        for _ in range(3):
            hours.at += 59  # a statement of three minutes
            before = (await at_work(house)) or now
            clock.advance_to(clock.now() + timedelta(seconds=59))
            while (await at_work(house) or now) <= before:
                continue
            told.put_nowait(clock.now())
            assert house.vitals.stuck() == house.vitals.late() == []

    async def hangs(house: House, now: datetime) -> None:
        await asyncio.Event().wait()

    vital.vitals.expect("plan")
    telling = asyncio.create_task(tell_manager(vital, stop, Manager({"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "20000"})))
    assert await guarded(vital, "plan", nothing)
    assert await guarded(vital, "plan", plans, look=0.01)
    assert told.qsize() == 3
    await heard(manager, "WATCHDOG")
    for _ in range(2):  # the next round of one that used up its limit proves nothing
        assert not await guarded(vital, "plan", hangs, limit=0.1, look=0.01)
        hours.at += 31
    assert vital.vitals.stuck() == ["plan"]
    assert await heard(manager, "stuck") == "STATUS=stuck: plan"
    stop.set()
    await telling


async def nothing(house: House, now: datetime) -> None:
    pass


async def at_work(house: House) -> datetime | None:
    async with house.database.begin() as connection:
        return next((tick.at_work_at for tick in await ticks.every(connection) if tick.name == "plan"), None)


async def test_after_an_outage_a_long_round_is_late_and_not_stuck(vital: House, hours: Hours) -> None:
    vital.vitals.expect("plan")
    hours.at += 61
    vital.vitals.came_round("plan", excused=True)
    for _ in range(3):
        hours.at += 59
        assert vital.vitals.at_work("plan")
    assert (vital.vitals.late(), vital.vitals.stuck()) == (["plan"], [])


def test_without_a_manager_nothing_is_said_and_a_dead_one_harms_nobody(tmp_path: Path) -> None:
    assert not Manager({}).listens
    Manager({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).say("READY=1")
    assert Manager({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "30000000"}).seconds == 15
    assert Manager({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).seconds is None


@asynccontextmanager
async def listener(status: int = 200, **headers: str) -> AsyncIterator[tuple[str, asyncio.Queue[str]]]:
    """A real server that takes heartbeats."""
    beats: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        beats.put_nowait(request.path)
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/{tail:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", beats
    finally:
        await runner.cleanup()


def beating(house: House, url: str) -> House:
    settings = house.settings.model_copy(update={"heartbeat_url": SecretStr(url), "heartbeat_seconds": 0.02})
    return replace(house, settings=settings)


async def test_heartbeats_come_while_all_is_good_and_stop_when_a_core_tick_does(vital: House, hours: Hours) -> None:
    stop = asyncio.Event()
    vital.vitals.expect("valve")
    async with listener() as (url, beats):
        sending = asyncio.create_task(send_heartbeats(beating(vital, f"{url}/ping/secret"), stop))
        async with asyncio.timeout(SECONDS):
            assert beats.empty()  # nothing has been good yet
            vital.vitals.good("valve")
            assert [await beats.get() for _ in range(3)] == ["/ping/secret"] * 3
            hours.at += 61
            vital.vitals.came_round("valve", excused=True)  # excused or not: nothing goes out
            await asyncio.sleep(0)
            while not beats.empty():
                beats.get_nowait()
            vital.vitals.good("valve")
            await beats.get()
        stop.set()
        await sending


@pytest.mark.parametrize("status", [500, 302])
async def test_a_heartbeat_that_is_not_taken_harms_nothing_and_follows_nobody_elsewhere(vital: House, status: int) -> None:
    stop = asyncio.Event()
    async with listener() as (elsewhere, led), listener(status, Location=elsewhere) as (url, beats):
        sending = asyncio.create_task(send_heartbeats(beating(vital, url), stop))
        async with asyncio.timeout(SECONDS):
            for _ in range(3):
                await beats.get()
        stop.set()
        await sending
        assert led.empty()


async def test_a_heartbeat_nobody_listens_to_is_tried_again(vital: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    stop = asyncio.Event()
    sending = asyncio.create_task(send_heartbeats(beating(vital, url), stop))
    done, _ = await asyncio.wait({sending}, timeout=0.2)
    assert not done
    stop.set()
    await sending


def test_a_heartbeat_url_that_is_none_is_refused_without_being_repeated() -> None:
    with environment({"KABAR_HEARTBEAT_URL": "ftp://secret"}), pytest.raises(ConfigError) as refused:
        Settings.read()
    assert "KABAR_HEARTBEAT_URL" in str(refused.value)
    assert "secret" not in str(refused.value)
