"""One browser, one web process, one sandbox and one database a test module; each test has a customer of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.engine import make_url

from channels.registry import CHANNELS
from channels.sandbox.server import Sandbox
from config.settings import HttpSettings, Settings
from console.http import serve
from console.http.serve import bind
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.links import Signer
from store import popups
from store.engine import open_database
from tests.browser.chromium import chromium, page_of
from tests.conftest import FRIDAY_EVENING
from tests.world import campaign, configure, files, person, rows

KEY = "the-api-key"
_numbers = count(1)


@dataclass
class Stage:
    """house, clock: the server's. site: the sandbox's address."""

    house: House
    clock: VirtualClock
    sandbox: Sandbox
    browser: Browser
    site: str
    problems: list[str] = field(default_factory=list)

    async def customer(self, **changes: Any) -> str:
        number = next(_numbers)
        await person(self.house.database, number, **changes)
        return f"C{number:06}"

    async def popup(self, customer: str, title: str, *, priority: str = "reminder", lasts: float = 3600, **content: Any) -> int:
        """A pop-up ready for this customer, told as the house tells it; returns the message's id."""
        now = self.clock.now()
        async with self.house.database.begin() as connection:
            made = await connection.execute(
                _MESSAGE, {"no": customer, "category": priority, "now": now, "until": now + timedelta(seconds=lasts)}
            )
            number = int(made.scalar_one())
            await popups.publish(connection, {number: json.dumps({"title": title, "body": "Ada kabar untukmu."} | content)}, now)
        return number

    async def fate(self, number: int) -> tuple[str, int, bool]:
        """(status, impressions, off the screen) of a pop-up."""
        [row] = await rows(
            self.house.database,
            "SELECT m.status, p.impressions, p.gone_at FROM messages m JOIN popups p ON p.message_id = m.id WHERE m.id = :id",
            id=number,
        )
        return row.status, row.impressions, row.gone_at is not None

    @asynccontextmanager
    async def app(self, customer: str, page: Page | None = None, *, clock: Any = None) -> AsyncIterator[Page]:
        """The customer's app, opened on a device of its own unless a page is given. clock: what the device takes for the time."""
        async with AsyncExitStack() as stack:
            screen = await stack.enter_async_context(page_of(self.browser)) if page is None else page
            screen.on("pageerror", lambda error: self.problems.append(str(error)))
            await screen.clock.install(time=clock)
            await screen.goto(f"{self.site}/app?customer={customer}")
            yield screen

    async def later(self, page: Page, seconds: float) -> None:
        """Time passes, for the server and on the device."""
        self.clock.advance_to(self.clock.now() + timedelta(seconds=seconds))
        await page.clock.fast_forward(int(seconds * 1000))


_MESSAGE = text(
    """WITH run AS (
         INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
         SELECT 'hello', gen_random_uuid()::text, (SELECT max(id) FROM versions), 'h', :category, 50, '{popup}', :now, :until, 'active'
         RETURNING id)
       INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, queued_at, sent_at, expires_at)
       SELECT run.id, p.id, 'popup', :category, 0, 'none@Asia/Jakarta', 'sent', :now, :now, :until
       FROM run, people p WHERE p.customer_no = :no RETURNING id"""
)


def shown(page: Page) -> Locator:
    return page.get_by_role("dialog")


@asynccontextmanager
async def _database(server: str, template: str) -> AsyncIterator[str]:
    name = f"browser_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())
        database = open_database(await stack.enter_async_context(_database(server, template)))
        stack.push_async_callback(database.close)
        clock = VirtualClock(FRIDAY_EVENING)
        listening = stack.enter_context(bind(HttpSettings(port=0)))
        kabar = f"http://127.0.0.1:{listening.getsockname()[1]}"
        sandbox = await stack.enter_async_context(Sandbox(credentials_file=folder / "key.json", kabar=(kabar, KEY)))
        settings = Settings(http=HttpSettings(port=0, api_key=SecretStr(KEY), app_origins=sandbox.base_url), stop_grace=1)
        house = House(settings, database, clock, CHANNELS, Catalog(CHANNELS), signer=Signer(b"test"), chance=Random(1))
        await configure(house, files(campaign(channels="[popup]")))
        stop, up = asyncio.Event(), asyncio.Event()
        web = asyncio.create_task(serve(house, stop, _set(up), listening=listening))
        await up.wait()
        yield Stage(house, clock, sandbox, browser, sandbox.base_url)
        stop.set()
        await web


def _set(up: asyncio.Event) -> Callable[[int], None]:
    return lambda _port: up.set()
