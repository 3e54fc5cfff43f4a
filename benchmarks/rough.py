"""One rough figure each for plan, valve and dispatch: `python benchmarks/rough.py [people]`. Everything on this machine, nothing warmed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from sqlalchemy import text

from channels.registry import CHANNELS
from channels.sandbox.server import Sandbox
from config.loader import parse
from config.logging import configure_logging
from config.settings import Settings
from jobs.catalog import Catalog
from jobs.clock import DatabaseClock
from jobs.dispatch import dispatch
from jobs.house import House
from jobs.plan import new_run, plan
from jobs.valve import valve
from scheduler.accounts import open_accounts
from scheduler.bootstrap import contents, publish
from store import runs
from store.embedded import embedded_uri
from store.engine import open_database
from store.schema import upgrade

FILES = {
    "rules.yaml": """
windows: {any-time: always}
overlap: {gap: 2h, same_topic: 3d, caps: [{channel: push, max: 1, per: day}, {category: info, max: 4, per: 7d}]}
categories: {info: {priority: 30}}
""",
    "segments.yaml": "segments: {all: portfolio_value >= 0}",
    "schedules/a.yaml": """
campaign: a
category: info
topic: a
audience: {any: [all]}
channels: [push]
when: {at: "2020-01-01 00:00"}
window: any-time
expires: 7d
template: a
owner: bench
""",
    "templates/a.yaml": 'template: a\nvariants: [{push: {title: "Halo {{ first_name }}", body: "Kabar untukmu, {{ name }}."}}]',
}
PEOPLE = (
    """INSERT INTO people (customer_no, name, portfolio_value) SELECT 'C' || n, 'Budi Santoso ' || n, n FROM generate_series(1, :n) n"""
)
DEVICES = """INSERT INTO addresses (person_id, sort, kind, value, platform) SELECT id, 'push', 'token', 't' || id, 'android' FROM people"""
RELEASED = "SELECT DISTINCT chunk_id FROM messages WHERE status = 'released'"


def provider(pipe: Connection, folder: str) -> None:
    """The sandbox, in a process of its own."""

    async def run() -> None:
        async with Sandbox(credentials_file=Path(folder) / "key.json", keep=100) as sandbox:
            pipe.send(sandbox.environment())
            await asyncio.to_thread(pipe.recv)

    uvloop.run(run())


@contextmanager
def measured(what: str, count: int) -> Iterator[None]:
    """Prints how many a second, and CPU seconds of this process for 1,000."""
    before, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    yield
    took, now = time.perf_counter() - before, resource.getrusage(resource.RUSAGE_SELF)
    cpu = (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) * 1000 / count
    print(f"{what:<10} {count:>8} {count / took:>9,.0f}/s  {cpu:6.3f} CPU s/1k  {now.ru_maxrss // 1024} MB peak")


async def bench(people: int, folder: Path) -> None:
    database = open_database(embedded_uri(folder / "postgres"))
    await upgrade(database)
    house = House(Settings(), database, DatabaseClock(database), CHANNELS, Catalog(CHANNELS))
    await house.clock.sync()
    async with database.begin() as connection:
        await connection.execute(text(PEOPLE), {"n": people})
        await connection.execute(text(DEVICES))
        await connection.execute(text("ANALYZE people, addresses"))
    config = parse(FILES, contents())
    await publish(house, config)
    async with database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None
        await runs.create(connection, [new_run(published, config.campaigns["a"], "bench", datetime.now(UTC))])
    with measured("plan", people):
        await plan(house, house.clock.now())
    # A rate that lets the valve release as fast as it can decide.
    os.environ["KABAR_PUSH__RATE"] = "1000000"
    house = replace(house, accounts=await open_accounts(house))
    with measured("valve", people):
        while (await valve(house, await house.clock.sync())).released:
            pass
    async with database.begin() as connection:
        chunks = [row[0] for row in await connection.execute(text(RELEASED))][:80]
    with measured("dispatch", 250 * len(chunks)):
        for start in range(0, len(chunks), 4):
            await asyncio.gather(*(dispatch(house, chunk, "push") for chunk in chunks[start : start + 4]))
    for account in house.accounts.values():
        await account.adapter.close()
    await database.close()


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    configure_logging(Settings(log_level="error"))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine}, provider on the same machine")
    folder = Path(tempfile.mkdtemp(prefix="kabar-bench-"))
    ours, theirs = multiprocessing.Pipe()
    sandbox = multiprocessing.get_context("spawn").Process(target=provider, args=(theirs, str(folder)))
    sandbox.start()
    try:
        os.environ.update(ours.recv())
        uvloop.run(bench(people, folder))
    finally:
        ours.send("stop")
        sandbox.join()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
