"""The network to the database: swallowed, cut, refused. A tick fails in bounded time, and what is in hand is settled when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from channels.sandbox.faults import Rule
from channels.sandbox.server import Sandbox
from jobs.clock import DatabaseClock, VirtualClock
from jobs.dispatch import dispatch
from jobs.house import House
from jobs.valve import valve
from scheduler.ticks import Tick, fire_and_plan
from store.engine import IDLE_IN_TRANSACTION_MS, Database, open_database
from tests.chaos.conftest import Quick
from tests.chaos.proxy import Mode, Proxy
from tests.world import at, campaign, configure, files, person, rows, sandbox, sending

CONNECT = 2.0  # seconds, as the tests' URL has it
SLACK = 5.0  # for a busy machine; without the bound it would be for ever


async def _nothing(house: House, now: datetime) -> None:
    async with house.database.begin() as connection:
        await connection.execute(text("SELECT 1"))


async def test_a_swallowed_tick_fails_within_its_bound_and_the_next_one_works(house: House, far: Database, proxy: Proxy) -> None:
    away = replace(house, database=far, clock=DatabaseClock(far))
    tick = Tick("plan", 1, _nothing)
    assert await tick.run(away)
    proxy.set(Mode.HOLE)
    since = time.monotonic()
    assert not await tick.run(away)
    # The old connection is given up, a new one does not come about, nor one for the record of it.
    assert time.monotonic() - since < Quick.silence + Quick.asked + 2 * CONNECT + SLACK
    proxy.set(Mode.PASS)
    assert await tick.run(away)


async def test_a_connection_that_was_forgotten_on_the_way_is_given_up_while_new_ones_pass(far: Database, proxy: Proxy) -> None:
    async with far.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        proxy.set(Mode.HOLE)
        proxy.set(Mode.PASS)
        since = time.monotonic()
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT 1"))
        assert time.monotonic() - since < Quick.silence + Quick.again + SLACK


async def test_a_statement_may_take_as_long_as_the_server_works_on_it(far: Database) -> None:
    async with far.begin() as connection:
        slept = await connection.execute(text("SELECT pg_sleep(:s)"), {"s": 2 * Quick.silence + 4 * Quick.again})
        assert slept.rowcount == 1


async def test_every_connection_of_the_house_keeps_no_locks_for_one_who_sleeps(database_url: str) -> None:
    database = open_database(database_url)
    async with database.begin() as connection:
        shown = (await connection.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar_one()
    await database.close()
    assert shown == f"{IDLE_IN_TRANSACTION_MS // 1000}s"


@asynccontextmanager
async def at_the_provider(house: House, far: Database, clock: VirtualClock, path: Path) -> AsyncIterator[Sandbox]:
    """Three e-mails released and at work over the proxied database; entered once the first is with the provider, unanswered yet."""
    for number in range(3):
        await person(house.database, number)
    await configure(house, files(campaign(channels="[email]")))
    await fire_and_plan(house, clock.now())
    clock.advance_to(at("2026-11-20 19:00"))
    await fire_and_plan(house, clock.now())
    async with sandbox(path, clock) as provider:
        provider.faults.replace([Rule(channel="email", kind="latency", ms=500, stage="data")])
        with Proxy((provider.smtp_host, provider.smtp_port)) as mail:
            async with sending(replace(house, database=far), provider, KABAR_EMAIL__PORT=str(mail.port)) as (able, send):
                await valve(able, clock.now())
                working = asyncio.ensure_future(send())
                await until(lambda: mail.taken > 0)
                yield provider
                async with asyncio.timeout(15):
                    await working


async def until(come: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not come():
            await asyncio.to_thread(Event().wait, 0.02)


async def test_a_settlement_that_was_committed_and_not_heard_of_is_written_once(
    house: House, far: Database, proxy: Proxy, clock: VirtualClock, tmp_path: Path
) -> None:
    with capture_logs() as log:
        async with at_the_provider(house, far, clock, tmp_path) as provider:
            proxy.set(Mode.UNSAID)
    assert [line["step"] for line in log if line["event"] == "dispatch.waits"] == ["settle"]
    assert not [line for line in log if line["event"] == "message.fence_lost"]
    assert [row.status for row in await rows(house.database, "SELECT status FROM messages")] == ["sent"] * 3
    assert len(provider.deliveries) == 3
    assert [row.n for row in await rows(house.database, "SELECT count(*) AS n FROM attempts GROUP BY message_id")] == [1] * 3


async def test_what_nobody_could_claim_goes_back_although_the_database_was_away_just_then(
    house: House, far: Database, proxy: Proxy, clock: VirtualClock, tmp_path: Path
) -> None:
    await person(house.database, 0)
    await configure(house, files(campaign(channels="[email]")))
    await fire_and_plan(house, clock.now())
    clock.advance_to(at("2026-11-20 19:00"))
    await fire_and_plan(house, clock.now())
    async with sandbox(tmp_path, clock) as provider, sending(replace(house, database=far), provider) as (able, _):
        await valve(able, clock.now())
        [row] = await rows(house.database, "SELECT chunk_id FROM messages WHERE status = 'released'")
        async with house.database.begin() as connection:
            await connection.execute(text("SELECT id FROM messages FOR UPDATE"))  # claim passes it by, and handing back waits for it
            working = asyncio.ensure_future(dispatch(able, row.chunk_id, "email"))
            async with asyncio.timeout(10):
                while not await rows(house.database, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                    continue
            assert proxy.cut() > 0
        async with asyncio.timeout(15):
            assert await working == 0
    assert [found.status for found in await rows(house.database, "SELECT status FROM messages")] == ["queued"]


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.CUT, Mode.HOLE])
async def test_what_the_provider_took_while_the_database_was_away_is_settled_when_it_is_back(
    house: House, far: Database, proxy: Proxy, clock: VirtualClock, tmp_path: Path, mode: Mode
) -> None:
    async with at_the_provider(house, far, clock, tmp_path) as provider:
        proxy.set(mode)
        await until(lambda: len(provider.deliveries) > 0)
        proxy.set(Mode.PASS)
    found = await rows(house.database, "SELECT status, attempts, doubted_at FROM messages")
    assert [tuple(row) for row in found] == [("sent", 1, None)] * 3
    assert len(provider.deliveries) == 3
    told = await rows(house.database, "SELECT count(*) AS n FROM attempts")
    assert told[0].n == 3
