"""The rate, and what a provider asks for, over real workers: processes, clocks and sockets as they are."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import text

from benchmarks.pace import measure
from channels.base import Envelope, Outcome, Retry, Sent
from channels.popup.content import PopupContent
from channels.registry import CHANNELS
from channels.signals import SlowDown
from config.settings import Settings
from jobs.blocks import Item
from jobs.catalog import Catalog
from jobs.clock import DatabaseClock
from jobs.dispatch import dispatch
from jobs.house import House
from jobs.sends import send
from jobs.turns import Turn
from scheduler.accounts import open_accounts
from store import limits
from store.engine import Database
from store.turns import Lease
from tests.world import campaign, configure, files, person, rows

RATE = 200.0


def test_eight_processes_together_keep_to_the_rate_and_use_it(database_url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.pace"])
    let_go, _ = measure(database_url, seconds=4, rate=RATE, processes=8, context=context)
    assert let_go.fullest <= 1.05 * RATE
    assert let_go.used >= 0.95


@dataclass
class Wire:
    """An adapter that takes everything, and notes by which of its clocks it was when."""

    house: House
    sent: list[datetime] = field(default_factory=list)
    under_way: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Outcome = field(default_factory=lambda: Sent("1"))

    async def start(self) -> None:
        """Nothing to open."""

    async def send(self, envelope: Envelope) -> Outcome:
        self.sent.append(self.house.clock.now())
        if len(self.sent) == 20:
            self.under_way.set()
        return self.answer

    async def close(self) -> None:
        """Nothing to close."""


async def worker(database: Database) -> tuple[House, Wire]:
    """A worker by the database's clock, which knows what it hears and no more."""
    clock = DatabaseClock(database)
    await clock.sync()
    house = House(Settings(), database, clock, CHANNELS, Catalog(CHANNELS))
    [account] = (await open_accounts(replace(house, channels={"popup": CHANNELS["popup"]}))).values()
    wire = Wire(house)
    return replace(house, accounts={"popup": replace(account, adapter=wire)}), wire


async def released(house: House, count: int, rate: float) -> None:
    """So many pop-ups in chunk 1, on an account of so many a second."""
    await configure(house, files(campaign(channels="[popup]", audience="everyone", category="service")))
    for number in range(1, count + 1):
        await person(house.database, number, sorts=())
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE limits SET rate = :rate"), {"rate": rate})
        await connection.execute(text(RUN))
        await connection.execute(text(MESSAGES))


RUN = """INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
         SELECT 'hello', 'now', max(id), 'h', 'service', 100, '{popup}', now(), now() + interval '1 day', 'active' FROM versions"""
MESSAGES = """INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, queued_at, expires_at, released_at,
                                    chunk_id)
              SELECT r.id, p.id, 'popup', 'service', 0, 'none@Asia/Jakarta', 'released', now(), now() + interval '1 day', now(), 1
              FROM runs r, people p"""


async def test_what_a_provider_asks_of_one_worker_every_other_obeys_within_a_second(database: Database) -> None:
    house, wire = await worker(database)
    await released(house, 150, 100)
    sending = asyncio.create_task(dispatch(house, 1, "popup"))
    await wire.under_way.wait()
    async with database.begin() as connection:  # as another worker does, on another machine
        asked = house.clock.now()
        await limits.slow_down(connection, "popup", timedelta(minutes=5), "429", asked)
    await sending
    assert 20 <= len(wire.sent) < 150
    assert max(wire.sent) - asked < timedelta(seconds=1)
    found = await rows(database, "SELECT status, reason, count(*) AS n FROM messages GROUP BY 1, 2 ORDER BY 1")
    assert {row.status for row in found} == {"deferred", "sent"}
    assert {row.reason for row in found if row.status == "deferred"} == {"slow_down"}


async def test_a_worker_that_hears_it_itself_sends_nothing_more(database: Database) -> None:
    house, wire = await worker(database)
    await released(house, 60, 100)
    wire.answer = Retry("429", signal=SlowDown(timedelta(minutes=5)))
    await dispatch(house, 1, "popup")
    assert len(wire.sent) <= 3
    [row] = await rows(database, "SELECT reason, open_until > now() + interval '4 minutes' AS held, failures FROM limits")
    assert (row.reason, row.held, row.failures) == ("429", True, 0)


async def test_a_worker_kept_from_its_work_does_not_catch_up_in_a_burst(database: Database) -> None:
    house, wire = await worker(database)
    now = house.clock.now()
    lease = Lease("popup", now - timedelta(seconds=0.1), 100, 25, probe=False, turned=False)  # ten of its moments have passed
    items = [Item(None, (envelope(number),)) for number in range(25)]
    answers = await send(house, Turn(house.accounts["popup"], lease), items)
    assert len(answers) == len(wire.sent)
    assert 15 <= len(answers) <= 18  # the first, and those whose moment was still to come
    for index, at in enumerate(wire.sent[1:], 25 - len(answers) + 1):
        assert at - (lease.start + index * timedelta(seconds=0.01)) > -timedelta(seconds=0.003)


def envelope(number: int) -> Envelope:
    content = PopupContent(title="Halo", body="Kabar")
    return Envelope(number, f"kabar-{number}", 1, "hello", "service", 100, "id", content, timedelta(hours=1))
