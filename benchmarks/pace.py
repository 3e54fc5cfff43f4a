"""Global pace: many worker processes, one account, one counting sink. `python benchmarks/pace.py [seconds] [rate] [processes]`.

Prints the machine, the fullest second of all (a sliding window), and how much of the rate was used: as the workers let the messages
go, and as they came to the sink, which on a busy machine is kept from counting now and then.
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
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import uvloop
from aiohttp import web
from sqlalchemy import text

from channels.base import Adapter, Envelope, Outcome
from channels.registry import CHANNELS
from config.loader import parse
from config.logging import configure_logging
from config.settings import Settings
from jobs.catalog import Catalog
from jobs.clock import DatabaseClock
from jobs.dispatch import dispatch
from jobs.house import House
from jobs.plan import new_run, plan
from scheduler.accounts import open_accounts
from scheduler.bootstrap import contents, publish
from store import runs
from store.embedded import embedded_uri
from store.engine import open_database
from store.schema import upgrade

FILES = {
    "rules.yaml": "windows: {any-time: always}\ncategories: {info: {priority: 30}}",
    "segments.yaml": "segments: {all: portfolio_value >= 0}",
    "schedules/a.yaml": """
campaign: a
category: info
audience: {any: [all]}
channels: [whatsapp]
when: {at: "2020-01-01 00:00"}
window: any-time
expires: 7d
template: a
owner: bench
""",
    "templates/a.yaml": 'template: a\nvariants: [{whatsapp: {name: a, parameters: ["{{ first_name }}"], text: "Halo {{ first_name }}"}}]',
}
PEOPLE = "INSERT INTO people (customer_no, name, portfolio_value) SELECT 'C' || n, 'Budi ' || n, n FROM generate_series(1, :n) n"
PHONES = "INSERT INTO addresses (person_id, sort, kind, value) SELECT id, 'phone', 'phone', '+628' || 100000000 + id FROM people"
RELEASE = "UPDATE messages SET status = 'released', released_at = now(), chunk_id = id / 250"
AT_WORK = 4  # chunks a process works at


@dataclass(frozen=True, slots=True)
class Seen:
    """moments: seconds, sorted. fullest: messages in the fullest second. used: part of the rate between the first and last of them."""

    moments: Sequence[float]
    fullest: int
    used: float


def judged(moments: Sequence[float], rate: float) -> Seen:
    stamps = sorted(moments)
    fullest = max(bisect_left(stamps, at + 1.0) - index for index, at in enumerate(stamps))
    return Seen(stamps, fullest, (len(stamps) - 1) / rate / (stamps[-1] - stamps[0]))


def sink(pipe: Connection) -> None:
    """Takes every message, and counts when it came."""
    arrivals: list[float] = []

    async def take(request: web.Request) -> web.Response:
        arrivals.append(time.monotonic())
        await request.read()
        return web.json_response({"messages": [{"id": f"wamid.{len(arrivals)}"}]})

    async def run() -> None:
        app = web.Application()
        app.add_routes([web.post("/{tail:.*}", take)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send(runner.addresses[0][1])
        await asyncio.to_thread(pipe.recv)
        await runner.cleanup()

    uvloop.run(run())
    pipe.send(arrivals)


class Noted:
    """An adapter, with the moment of each send."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.moments: list[float] = []

    async def start(self) -> None:
        await self._adapter.start()

    async def send(self, envelope: Envelope) -> Outcome:
        self.moments.append(time.monotonic())
        return await self._adapter.send(envelope)

    async def close(self) -> None:
        await self._adapter.close()


def worker(pipe: Connection, uri: str, chunks: Sequence[int], environment: Mapping[str, str], seconds: float) -> None:
    """One worker process: once told so, chunk after chunk, several at once, until the time is up."""
    os.environ.update(environment)
    configure_logging(Settings(log_level="error"))

    async def run() -> None:
        database = open_database(uri, pool_size=5)
        house = House(Settings(), database, DatabaseClock(database), CHANNELS, Catalog(CHANNELS))
        await house.clock.sync()
        account = (await open_accounts(house))["whatsapp"]
        noted = Noted(account.adapter)
        house = replace(house, accounts={account.name: replace(account, adapter=noted)})
        pipe.send("ready")
        pipe.recv()
        waiting, end = list(chunks), time.monotonic() + seconds

        async def hand() -> None:
            while waiting and time.monotonic() < end:
                await dispatch(house, waiting.pop(0), "whatsapp")

        hands = asyncio.gather(*(hand() for _ in range(AT_WORK)))
        await asyncio.wait({hands}, timeout=seconds)
        hands.cancel()
        await asyncio.gather(hands, return_exceptions=True)
        await noted.close()
        await database.close()
        pipe.send(noted.moments)

    uvloop.run(run())


async def prepare(uri: str, messages: int) -> list[int]:
    """Released messages in chunks; returns the chunks."""
    database = open_database(uri)
    house = House(Settings(), database, DatabaseClock(database), CHANNELS, Catalog(CHANNELS))
    await house.clock.sync()
    async with database.begin() as connection:
        await connection.execute(text(PEOPLE), {"n": messages})
        await connection.execute(text(PHONES))
    config = parse(FILES, contents())
    await publish(house, config)
    async with database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None
        await runs.create(connection, [new_run(published, config.campaigns["a"], "bench", datetime.now(UTC))])
    await plan(house, house.clock.now())
    async with database.begin() as connection:
        await connection.execute(text(RELEASE))
        found = [int(row[0]) for row in await connection.execute(text("SELECT DISTINCT chunk_id FROM messages ORDER BY 1"))]
    await database.close()
    return found


@contextmanager
def counting(context: SpawnContext | ForkServerContext) -> Iterator[tuple[int, list[float]]]:
    """The sink's port, and its arrivals once this is left."""
    ours, theirs = multiprocessing.Pipe()
    process = context.Process(target=sink, args=(theirs,))
    process.start()
    arrivals: list[float] = []
    try:
        yield int(ours.recv()), arrivals
    finally:
        ours.send("stop")
        arrivals += ours.recv()
        process.join()


def measure(uri: str, *, seconds: float, rate: float, processes: int, context: SpawnContext | ForkServerContext) -> tuple[Seen, Seen]:
    """Let so many processes send for so long on a migrated database that is empty: as they let go, and as it came."""
    chunks = uvloop.run(prepare(uri, int(rate * seconds * 1.2) + 250 * processes))
    with counting(context) as (port, arrivals):
        settings = {
            "KABAR_WHATSAPP__ENDPOINT": f"http://127.0.0.1:{port}",
            "KABAR_WHATSAPP__PHONE_NUMBER_ID": "1",
            "KABAR_WHATSAPP__TOKEN": "secret",
            "KABAR_WHATSAPP__RATE": str(rate),
        }
        crew: list[tuple[BaseProcess, Connection]] = []
        for number in range(processes):
            ours, theirs = multiprocessing.Pipe()
            crew.append((context.Process(target=worker, args=(theirs, uri, chunks[number::processes], settings, seconds)), ours))
        for process, _ in crew:
            process.start()
        for _, pipe in crew:
            pipe.recv()
        for _, pipe in crew:
            pipe.send("go")
        let_go = [moment for _, pipe in crew for moment in pipe.recv()]
        for process, _ in crew:
            process.join()
    return judged(let_go, rate), judged(arrivals, rate)


async def migrated(uri: str) -> None:
    database = open_database(uri)
    await upgrade(database)
    await database.close()


def told(what: str, seen: Seen, rate: float) -> str:
    took = seen.moments[-1] - seen.moments[0]
    return (
        f"{what}: {len(seen.moments):,} messages in {took:.1f} s, fullest second {seen.fullest} = {seen.fullest / rate:.1%} of the rate, "
        f"used {seen.used:.1%}"
    )


def main() -> None:
    seconds, rate, processes = (float(word) for word in (*sys.argv[1:4], *("20", "500", "8")[len(sys.argv[1:4]) :]))
    configure_logging(Settings(log_level="error"))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine}, provider on the same machine")
    folder = Path(tempfile.mkdtemp(prefix="kabar-bench-"))
    try:
        uri = embedded_uri(folder / "postgres")
        uvloop.run(migrated(uri))
        seen = measure(uri, seconds=seconds, rate=rate, processes=int(processes), context=multiprocessing.get_context("spawn"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{int(processes)} processes, {rate:g}/s allowed")
    print(told("as the workers let go", seen[0], rate))
    print(told("as it came", seen[1], rate))


if __name__ == "__main__":
    main()
