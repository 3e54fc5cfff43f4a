"""Service messages in the middle of a blast: `python benchmarks/important.py [people] [rate] [seconds]`.

One process schedules and sends, as `kabar up` does; another is the provider. Prints the machine, how many of the blast went, and how long
a service message took from its event to the provider.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

import uvloop
from aiohttp import web
from sqlalchemy import text

from channels.registry import CHANNELS
from config.loader import parse
from config.logging import configure_logging
from config.settings import Settings
from jobs.catalog import Catalog
from jobs.clock import DatabaseClock
from jobs.house import House
from jobs.plan import new_run, plan
from scheduler.accounts import open_accounts
from scheduler.bootstrap import contents, publish
from scheduler.daemon import run_scheduler, run_worker
from store import events, runs
from store.embedded import embedded_uri
from store.engine import Database, open_database
from store.schema import upgrade

_CAMPAIGN = """
campaign: {name}
category: {category}
audience: everyone
channels: [whatsapp]
when: {when}
window: any-time
expires: 7d
template: a
owner: bench
"""
FILES = {
    "rules.yaml": "windows: {any-time: always}\ncategories: {info: {priority: 30}, service: {priority: 100, ignore: [window, gap, caps]}}",
    "segments.yaml": "segments: {all: portfolio_value >= 0}",
    "events.yaml": "customer: {kyc.updated: {}}",
    "schedules/blast.yaml": _CAMPAIGN.format(name="blast", category="info", when='{at: "2020-01-01 00:00"}'),
    "schedules/kyc.yaml": _CAMPAIGN.format(name="kyc", category="service", when="{event: kyc.updated}"),
    "templates/a.yaml": 'template: a\nvariants: [{whatsapp: {name: a, parameters: ["{{ first_name }}"], text: "Halo {{ first_name }}"}}]',
}
PEOPLE = "INSERT INTO people (customer_no, name, portfolio_value) SELECT 'C' || n, 'Budi ' || n, n FROM generate_series(1, :n) n"
PHONES = "INSERT INTO addresses (person_id, sort, kind, value) SELECT id, 'phone', 'phone', '+628' || 100000000 + id FROM people"
# Those who get a service message are not in the blast, so that the sink can tell them apart by their numbers.
ASIDE = "UPDATE messages SET status = 'cancelled' WHERE person_id <= :n"


@dataclass(frozen=True, slots=True)
class Seen:
    """waits: seconds from event to provider, sorted, of `asked` events. blast: messages of the blast that went meanwhile; of so many."""

    waits: Sequence[float]
    asked: int
    blast: int
    of: int

    def quantile(self, part: float) -> float:
        return self.waits[min(int(len(self.waits) * part), len(self.waits) - 1)]


def sink(pipe: Connection) -> None:
    """Takes every message, and notes for whom and when."""
    arrivals: list[tuple[str, float]] = []

    async def take(request: web.Request) -> web.Response:
        at = time.monotonic()
        arrivals.append(((await request.json())["to"], at))
        return web.json_response({"messages": [{"id": f"wamid.{len(arrivals)}"}]})

    async def run() -> None:
        app = web.Application()
        app.add_routes([web.post("/{tail:.*}", take)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pipe.send(runner.addresses[0][1])
        await asyncio.to_thread(pipe.recv)
        await runner.cleanup()

    uvloop.run(run())
    pipe.send(arrivals)


@contextmanager
def provider(context: SpawnContext | ForkServerContext) -> Iterator[tuple[int, list[tuple[str, float]]]]:
    """Its port, and what arrived once this is left."""
    ours, theirs = multiprocessing.Pipe()
    process = context.Process(target=sink, args=(theirs,))
    process.start()
    arrivals: list[tuple[str, float]] = []
    try:
        yield int(ours.recv()), arrivals
    finally:
        ours.send("stop")
        arrivals += ours.recv()
        process.join()


async def prepare(database: Database, people: int, asked: int) -> House:
    """A blast to so many people, planned and waiting; the first `asked` people are left out of it."""
    house = House(Settings(), database, DatabaseClock(database), CHANNELS, Catalog(CHANNELS))
    await house.clock.sync()
    async with database.begin() as connection:
        await connection.execute(text(PEOPLE), {"n": people + asked})
        await connection.execute(text(PHONES))
        await connection.execute(text("ANALYZE people, addresses"))
    config = parse(FILES, contents())
    await publish(house, config)
    async with database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None
        await runs.create(connection, [new_run(published, config.campaigns["blast"], "bench", datetime.now(UTC))])
    await plan(house, house.clock.now())
    async with database.begin() as connection:
        await connection.execute(text(ASIDE), {"n": asked})
        await connection.execute(text("ANALYZE messages"))
    return house


async def blast(database: Database, house: House, *, lead: float, every: float, asked: int) -> dict[str, float]:
    """Schedule and send; after `lead` seconds an event every so often. Returns when each was accepted, by phone number."""
    house = replace(house, accounts=await open_accounts(house))
    stop, accepted = asyncio.Event(), dict[str, float]()
    daemon = asyncio.gather(run_scheduler(house, None, stop), run_worker(house, stop))
    await asyncio.sleep(lead)
    for number in range(1, asked + 1):
        async with database.begin() as connection:
            found = await events.add(
                connection, event_id=f"e{number}", name="kyc.updated", customer_no=f"C{number}", data={}, now=house.clock.now()
            )
        assert found
        accepted[f"+628{100000000 + number}"] = time.monotonic()
        await asyncio.sleep(every)
    await asyncio.sleep(3)
    stop.set()
    await daemon
    for account in house.accounts.values():
        await account.adapter.close()
    return accepted


def measure(uri: str, *, people: int, rate: float, lead: float, every: float, asked: int) -> Seen:
    """On a migrated database that is empty."""

    async def run() -> dict[str, float]:
        database = open_database(uri)
        house = await prepare(database, people, asked)
        accepted = await blast(database, house, lead=lead, every=every, asked=asked)
        await database.close()
        return accepted

    with provider(multiprocessing.get_context("spawn")) as (port, arrivals):
        settings = {
            "KABAR_WHATSAPP__ENDPOINT": f"http://127.0.0.1:{port}",
            "KABAR_WHATSAPP__PHONE_NUMBER_ID": "1",
            "KABAR_WHATSAPP__TOKEN": "secret",
            "KABAR_WHATSAPP__RATE": str(rate),
        }
        os.environ.update(settings)
        try:
            accepted = uvloop.run(run())
        finally:
            for name in settings:
                del os.environ[name]
    came = dict(reversed(arrivals))
    waits = sorted(came[number] - at for number, at in accepted.items() if number in came)
    return Seen(waits, len(accepted), len(arrivals) - len(waits), people)


def main() -> None:
    people, rate, seconds = (float(word) for word in (*sys.argv[1:4], *("1000000", "500", "60")[len(sys.argv[1:4]) :]))
    configure_logging(Settings(log_level="error"))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine}, provider on the same machine")
    folder = Path(tempfile.mkdtemp(prefix="kabar-bench-"))
    try:
        uri = embedded_uri(folder / "postgres")
        uvloop.run(_migrated(uri))
        seen = measure(uri, people=int(people), rate=rate, lead=10, every=0.25, asked=int(seconds * 4))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"blast: {seen.blast:,} of {seen.of:,} messages went at {rate:g}/s meanwhile")
    print(
        f"service: {len(seen.waits)} of {seen.asked} arrived; from event to provider p50 {seen.quantile(0.5):.2f} s, "
        f"p99 {seen.quantile(0.99):.2f} s, longest {seen.waits[-1]:.2f} s"
    )


async def _migrated(uri: str) -> None:
    database = open_database(uri)
    await upgrade(database)
    await database.close()


if __name__ == "__main__":
    main()
