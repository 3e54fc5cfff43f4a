"""The daemon under soak, in a process of its own: a blast a day, and between two days the clock jumps."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection

import uvloop
from sqlalchemy import text

from channels.registry import CHANNELS
from config.loader import parse
from config.logging import configure_logging
from config.settings import Settings
from jobs.catalog import Catalog
from jobs.clock import DatabaseClock
from jobs.house import House
from jobs.housekeeping import housekeeping
from jobs.links import Signer
from jobs.plan import new_run
from jobs.reconcile import reconcile
from scheduler.accounts import open_accounts
from scheduler.bootstrap import contents, publish
from scheduler.daemon import run_scheduler, run_worker
from store import runs
from store.engine import Database, open_database
from store.schema import upgrade
from tests.soak.provider import SECRET
from tests.storm.played import face
from tests.world import rows

LOOK = 0.2  # seconds between two looks whether the day's work is done
FILES = {
    "rules.yaml": """
windows: {any-time: always}
overlap: {gap: 1h, caps: [{channel: whatsapp, max: 2, per: day}]}
categories: {info: {priority: 30}}
""",
    "segments.yaml": "segments: {all: portfolio_value >= 0}",
    "schedules/a.yaml": """
campaign: a
category: info
audience: everyone
channels: [whatsapp]
when: {at: "2020-01-01 00:00"}
window: any-time
expires: 7d
template: a
owner: soak
""",
    "whatsapp-templates.yaml": 'templates: [{name: a, language: id, category: marketing, body: "Halo {{1}}"}]',
    "templates/a.yaml": 'template: a\nvariants: [{whatsapp: {name: a, parameters: ["{{ first_name }}"], text: "Halo {{ first_name }}"}}]',
}
PEOPLE = "INSERT INTO people (customer_no, name, portfolio_value) SELECT 'C' || n, 'Budi ' || n, n FROM generate_series(1, :n) n"
PHONES = "INSERT INTO addresses (person_id, sort, kind, value) SELECT id, 'phone', 'phone', '+628' || 100000000 + id FROM people"
UNDONE = """SELECT count(*) AS n FROM runs r WHERE r.status = 'due' OR r.status = 'active' AND EXISTS (
  SELECT FROM messages m WHERE m.run_id = r.id AND m.status IN ('queued', 'deferred', 'released', 'sending'))"""


class Leaping(DatabaseClock):
    """The database's clock, days ahead."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


def live(pipe: Connection, uri: str, port: int, people: int) -> None:
    """Tells where it takes webhooks; then lives a day for every word it is sent, and says when it is over, until the word is empty."""
    os.environ.update(
        {
            "KABAR_WHATSAPP__ENDPOINT": f"http://127.0.0.1:{port}",
            "KABAR_WHATSAPP__PHONE_NUMBER_ID": "1",
            "KABAR_WHATSAPP__TOKEN": "secret",
            "KABAR_WHATSAPP__APP_SECRET": SECRET,
            "KABAR_WHATSAPP__RATE": "20000",
            "KABAR_RETENTION__MESSAGES": "3d",
            "KABAR_RETENTION__RECEIPTS": "1d",
            "KABAR_HTTP__PORT": "0",
            "KABAR_STALE_HOURS": "48",  # the clock leaps a day at a time
        }
    )
    configure_logging(Settings(log_level="error"))
    uvloop.run(_live(pipe, uri, people))


async def _live(pipe: Connection, uri: str, people: int) -> None:
    database = open_database(uri)
    await upgrade(database)
    clock = Leaping(database)
    house = House(Settings(), database, clock, CHANNELS, Catalog(CHANNELS), signer=Signer(b"soak"))
    await house.clock.sync()
    await _populate(house, people)
    house = replace(house, accounts=await open_accounts(house))
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(face(house))
        daemon = asyncio.gather(run_scheduler(house, None, stop), run_worker(house, stop))
        pipe.send(f"{address}/v1/receipts/whatsapp")
        while day := await asyncio.to_thread(pipe.recv):
            await _day(house, day)
            await reconcile(house, clock.now())
            clock.ahead += timedelta(days=1)
            await housekeeping(house, await clock.sync())
            pipe.send(clock.ahead.days)
        stop.set()
        await daemon
    for account in house.accounts.values():
        await account.adapter.close()
    await database.close()


async def _populate(house: House, people: int) -> None:
    async with house.database.begin() as connection:
        await connection.execute(text(PEOPLE), {"n": people})
        await connection.execute(text(PHONES))
        await connection.execute(text("ANALYZE people, addresses"))
    await publish(house, parse(FILES, contents()))


async def _day(house: House, day: str) -> None:
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None
        await runs.create(connection, [new_run(published, published.config.campaigns["a"], day, house.clock.now())])
    while (await rows(house.database, UNDONE))[0].n:
        await house.clock.sleep(LOOK)
