"""Two WhatsApp numbers, each with a provider of its own: shares, stops, breaker, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from channels.sandbox.faults import Rule
from channels.sandbox.server import Sandbox
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.reservoir import HORIZON, look
from scheduler.accounts import Follower, follow_accounts
from scheduler.troubles import troubles
from store import limits, versions
from tests.console.telling import told
from tests.core.conftest import Stage
from tests.world import campaign, configure, environment, files, person, rows, sandbox, sending, statuses

SECOND = "KABAR_ACCOUNTS__SECOND__"
ACCOUNTS = "accounts: [{name: second, provider: meta, channel: whatsapp, rate: 80}]"
LATE = campaign("late", category="info", window="any-time", topic="late", channels="[whatsapp]", when='{at: "2026-11-20 21:25"}')
FILES = files(campaign(channels="[whatsapp]")) | {"channels.yaml": ACCOUNTS}

WHO = """SELECT p.customer_no FROM attempts a JOIN messages m ON m.id = a.message_id JOIN people p ON p.id = m.person_id
         WHERE a.account = 'second' LIMIT 1"""


@dataclass
class Numbers(Stage):
    """The stage with a second number, whose provider is another."""

    other: Sandbox

    def went(self) -> tuple[int, int]:
        return len(self.delivered("whatsapp")), len(self.other.journal.find(channel="whatsapp"))

    async def limits(self) -> dict[str, limits.Limit]:
        async with self.house.database.begin() as connection:
            return {each.account: each for each in await limits.every(connection)}

    async def people(self, count: int) -> None:
        for number in range(1, count + 1):
            await person(self.house.database, number)


@pytest.fixture
async def numbers(house: House, clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Numbers]:
    (tmp_path / "other").mkdir()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(sandbox(tmp_path, clock))
        other = await stack.enter_async_context(sandbox(tmp_path / "other", clock))
        await configure(house, FILES)
        own = {name.replace("KABAR_WHATSAPP__", SECOND): value for name, value in other.environment().items()}
        able, send = await stack.enter_async_context(sending(house, first, **own))
        yield Numbers(able, clock, first, send, other)


async def test_two_numbers_share_the_messages_and_each_attempt_says_by_which_it_went(numbers: Numbers) -> None:
    await numbers.people(80)
    await numbers.until("2026-11-20 19:05")
    first, other = numbers.went()
    assert first + other == 80
    assert abs(first - other) <= 20
    found = await rows(numbers.house.database, "SELECT account, count(*) AS n FROM attempts GROUP BY 1 ORDER BY 1")
    assert [(row.account, row.n) for row in found] == [("second", other), ("whatsapp", first)]
    [row] = await rows(numbers.house.database, WHO)
    _, page = await told(numbers.house, numbers.clock.now(), row.customer_no)
    assert "accepted by the provider (android, by account second)" in page


async def test_a_number_that_fails_is_left_and_taken_back_when_one_message_proves_it_well(numbers: Numbers) -> None:
    await numbers.people(120)
    numbers.provider.faults.add(Rule(channel="whatsapp", kind="131000"))
    with capture_logs() as log:
        await numbers.until("2026-11-20 21:00")
        numbers.provider.faults.clear()
        await configure(numbers.house, files(campaign(channels="[whatsapp]"), LATE) | {"channels.yaml": ACCOUNTS})
        await numbers.until("2026-11-20 21:26")
    assert {row[2] for row in await statuses(numbers.house.database)} == {"sent"}
    assert sum(numbers.went()) == 240
    events = [line["event"] for line in log if line["event"].startswith("account.")]
    opened = events.count("account.breaker_open")
    assert opened >= 1
    assert events == ["account.breaker_open", "account.breaker_half_open"] * opened + ["account.breaker_closed"]
    assert (await numbers.limits())["whatsapp"].breaker == "closed"


async def test_a_number_that_is_refused_stops_alone_and_the_channel_with_the_last_one(numbers: Numbers) -> None:
    await numbers.people(60)
    numbers.provider.faults.add(Rule(channel="whatsapp", kind="190"))
    with capture_logs() as log:
        await numbers.until("2026-11-20 19:30")
    assert {row[2] for row in await statuses(numbers.house.database)} == {"sent"}
    assert numbers.went() == (0, 60)
    assert [line["account"] for line in log if line["event"] == "account.stopped"] == ["whatsapp"]
    assert (await numbers.limits())["whatsapp"].stopped_at is not None
    await numbers.until("2026-11-20 21:20")
    async with numbers.house.database.begin() as connection:
        assert await versions.pauses(connection) == ()
    numbers.other.faults.add(Rule(channel="whatsapp", kind="190"))
    await person(numbers.house.database, 61)
    await configure(numbers.house, files(campaign(channels="[whatsapp]"), LATE) | {"channels.yaml": ACCOUNTS})
    await numbers.until("2026-11-20 21:26")
    async with numbers.house.database.begin() as connection:
        [pause] = await versions.pauses(connection)
    assert (pause.campaign, pause.channel, pause.set_by) == (None, "whatsapp", "kabar")


async def test_an_account_comes_with_its_configuration_and_goes_with_it(numbers: Numbers) -> None:
    house = numbers.house
    follower = Follower(house, house.accounts)
    await configure(house, files(campaign(channels="[whatsapp]")))
    await follower.follow()
    assert "second" not in house.accounts
    assert "second" not in await numbers.limits()
    own = {f"{SECOND}PHONE_NUMBER_ID": "2", f"{SECOND}TOKEN": "t"}
    numbers.clock.advance_to(numbers.clock.now() + timedelta(seconds=1))
    with environment(own):
        await configure(house, FILES)
        await follower.follow()
    assert (house.accounts["second"].settings.rate, house.accounts["second"].channel.name) == (80, "whatsapp")
    assert (await numbers.limits())["second"].share == 1
    await follower.close()


async def test_a_missing_secret_is_named_once_by_its_variable(numbers: Numbers) -> None:
    house = numbers.house
    follower = Follower(house, {})
    with capture_logs() as log:
        await follower.follow()
        await follower.follow()
    told = [line["missing"] for line in log if line["event"] == "account.not_configured"]
    assert told == [[f"{SECOND}PHONE_NUMBER_ID", f"{SECOND}TOKEN"]]


async def test_a_configuration_that_cannot_be_read_leaves_the_worker_its_accounts_and_is_told(numbers: Numbers) -> None:
    house, stop = numbers.house, asyncio.Event()
    before = dict(house.accounts)
    numbers.clock.advance_to(numbers.clock.now() + timedelta(seconds=1))
    await configure(house, files(campaign(channels="[whatsapp]")))
    async with house.database.begin() as connection:
        await connection.execute(text("""UPDATE versions SET files = '{"rules.yaml": "of another edition"}'"""))
    other_edition = replace(house, catalog=Catalog(house.channels))  # without what it has in memory
    following = asyncio.create_task(follow_accounts(other_edition, stop))
    async with asyncio.timeout(10):
        while not (refused := await rows(house.database, "SELECT last_error FROM ticks WHERE name = 'accounts'")):
            assert not following.done()
    numbers.clock.advance_to(numbers.clock.now() + timedelta(seconds=61))
    async with house.database.begin() as connection:
        [trouble] = [each for each in await troubles(connection, numbers.clock.now()) if each.code == "tick_failing"]
    stop.set()
    await following
    assert refused[0].last_error.startswith("ConfigError: config/rules.yaml")
    assert "accounts" in trouble.words
    assert house.accounts == before


async def test_a_channel_has_room_for_what_its_open_accounts_can_send(numbers: Numbers) -> None:
    async def room() -> int:
        async with numbers.house.database.begin() as connection:
            found = await look(numbers.house, connection, numbers.clock.now(), {})
        assert found is not None
        return found.room["whatsapp"]

    assert await room() == (80 + 80) * HORIZON
    async with numbers.house.database.begin() as connection:
        await limits.stop(connection, "second", "whatsapp", "by hand", numbers.clock.now())
    assert await room() == 80 * HORIZON
    async with numbers.house.database.begin() as connection:
        await limits.slow_down(connection, "whatsapp", timedelta(minutes=5), "429", numbers.clock.now())
    assert await room() == 0
    numbers.clock.advance_to(numbers.clock.now() + timedelta(minutes=5))
    assert await room() == 80 * HORIZON
