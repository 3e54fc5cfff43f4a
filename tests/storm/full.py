"""The storm in full, on the real clock: `python -m tests.storm`. Exits 1 when a single message is not where the providers' log puts it."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import uvloop

from channels.registry import CHANNELS
from channels.sandbox.server import Sandbox
from channels.sandbox.webhooks import Receipts
from config.logging import configure_logging
from config.settings import Settings
from jobs.catalog import Catalog
from jobs.clock import DatabaseClock
from jobs.house import House
from jobs.links import Signer
from scheduler.accounts import open_accounts
from scheduler.daemon import run_scheduler, run_worker
from store.embedded import embedded_uri
from store.engine import open_database
from store.schema import upgrade
from tests.storm import books, scene
from tests.storm.judge import discrepancies
from tests.storm.played import SETTINGS, App, Operator, face
from tests.world import configure, rows

LOOK = 0.5  # seconds between two looks of the operator and the app
SLACK = timedelta(seconds=60)  # after the last message's end, for what is in flight
WAITING = """
SELECT (SELECT count(*) FROM messages WHERE status IN ('queued', 'deferred', 'released', 'sending'))
     + (SELECT count(*) FROM messages WHERE doubted_at IS NOT NULL AND status IN ('failed', 'expired', 'suppressed', 'cancelled'))
     + (SELECT count(*) FROM runs WHERE status = 'due') + (SELECT count(*) FROM receipts WHERE applied_at IS NULL) AS n
"""
PRIVATE = re.compile(rb"device-\d|\+?62812\d|nasabah\d|Budi|storm-secret")


def providers(pipe: Connection, folder: str, share: float) -> None:
    """The sandbox in a process of its own: told where the webhooks go, and asked at the end to bring the last of them."""

    async def run() -> None:
        news = Receipts(0.9, 0.5, pace=0.5, copies=3, shuffled=True)
        path = Path(folder)
        async with Sandbox(credentials_file=path / "key.json", log_file=path / "sandbox.jsonl", receipts=news, keep=100) as sandbox:
            sandbox.faults.replace(scene.faults(share))
            pipe.send(sandbox.environment())
            sandbox.webhooks.url = await asyncio.to_thread(pipe.recv)
            await asyncio.to_thread(pipe.recv)
            await asyncio.sleep(2 * news.pace)
            await sandbox.webhooks.settled()
            pipe.send("told")
            await asyncio.to_thread(pipe.recv)

    uvloop.run(run())


@contextmanager
def sandbox(folder: Path, share: float) -> Iterator[Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=providers, args=(theirs, str(folder), share))
    process.start()
    try:
        os.environ.update(ours.recv() | scene.patience(deadline=2, rate=800))
        yield ours
    finally:
        process.terminate()
        process.join()


async def storm(people: int, minutes: int, folder: Path, pipe: Connection) -> list[str]:
    database = open_database(embedded_uri(folder / "postgres"))
    await upgrade(database)
    house = House(SETTINGS, database, DatabaseClock(database), CHANNELS, Catalog(CHANNELS), signer=Signer(b"storm"), chance=Random(1))
    await house.clock.sync()
    await scene.populate(database, people)
    house = replace(house, accounts=await open_accounts(house))
    stop, operator = asyncio.Event(), Operator()
    daemon = [asyncio.create_task(run_scheduler(house, None, stop)), asyncio.create_task(run_worker(house, stop))]
    async with face(house) as address:
        await asyncio.to_thread(pipe.send, f"{address}/v1/receipts/whatsapp")
        app = App(folder / "sandbox.jsonl", folder / "app.jsonl", address, Random(2))
        start = _next_minute(house.clock.now())
        await configure(house, scene.files(start, f"{minutes - 1}m"))
        await _weather(house, app, operator, start + timedelta(minutes=minutes - 1) + SLACK)
        await asyncio.to_thread(pipe.send, "bring the rest")
        await asyncio.to_thread(pipe.recv)
        await _weather(house, app, operator, house.clock.now() + SLACK)
    stop.set()
    await asyncio.gather(*daemon)
    our, their = await books.ours(database), books.theirs(folder / "sandbox.jsonl", folder / "app.jsonl")
    await database.close()
    _show(our, their, operator)
    return discrepancies(our, their) + _leaks(folder / "kabar.log")


def _next_minute(now: datetime) -> datetime:
    later = now.astimezone(ZoneInfo("Asia/Jakarta")) + timedelta(seconds=70)
    return later.replace(second=0, microsecond=0)


async def _weather(house: House, app: App, operator: Operator, end: datetime) -> None:
    """Until nothing waits any more, or the end has come."""
    while house.clock.now() < end:
        await asyncio.sleep(LOOK)
        await operator.look(house)
        await app.report(house.clock.now())
        if (await rows(house.database, "SELECT count(*) AS n FROM runs"))[0].n and not (await rows(house.database, WAITING))[0].n:
            return


def _show(our: books.Ours, their: books.Theirs, operator: Operator) -> None:
    ends = Counter((message.channel, message.status) for message in our.messages)
    seen = their.by_key.values()
    print(f"{len(our.messages)} messages; {sum(map(len, our.attempts.values()))} attempts")
    for (channel, status), count in sorted(ends.items()):
        print(f"  {channel:<10} {status:<10} {count:>6}")
    print(f"accepted {sum(len(each.accepted) for each in seen)}, refused {sum(len(each.refused) for each in seen)},", end=" ")
    print(f"broken {sum(len(each.broken) for each in seen)}, told {sum(len(each.told) for each in seen)}")
    print(f"addresses dropped {len(our.dead)}, opted out {len(our.opted_out)}, stops lifted {operator.lifted.total()}")


def _leaks(log: Path) -> list[str]:
    return [f"in our log: {line[:200]!r}" for line in log.read_bytes().splitlines() if PRIVATE.search(line)][:5]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, default=4_000, help="customers; each gets five messages")
    asked.add_argument("--share", type=float, default=0.05, help="of the attempts that each kind of fault strikes")
    asked.add_argument("--minutes", type=int, default=5, help="how long it lasts")
    given = asked.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kabar-storm-"))
    began = time.monotonic()
    with (folder / "kabar.log").open("w", encoding="utf-8") as log, sandbox(folder, given.share) as pipe:
        hook = sys.excepthook
        configure_logging(Settings(log_format="json", log_level="info"), log)
        sys.excepthook = hook  # what breaks the storm itself is nobody's log line
        found = uvloop.run(storm(given.people, given.minutes, folder, pipe))
    print(f"{time.monotonic() - began:.0f} s; {len(found)} discrepancies")
    for line in found[:50]:
        print(f"  {line[:2000]}")
    if found:
        sys.exit(f"the logs are in {folder}")
    shutil.rmtree(folder)
