"""A web process on a free port, with an API key and WhatsApp's secrets, and a client to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from channels.registry import CHANNELS
from config.settings import HttpSettings, Settings
from console.http import serve
from console.http.patience import Patience
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.links import Signer
from store.engine import Database
from tests.world import campaign, configure, environment, files

KEY = "the-api-key"
SECRET = "the-app-secret"
AUTH = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def house(database: Database, clock: VirtualClock) -> House:
    settings = Settings(http=HttpSettings(port=0, api_key=SecretStr(KEY)), stop_grace=1)
    return House(settings, database, clock, CHANNELS, Catalog(CHANNELS), signer=Signer(b"test"), chance=Random(1))


@asynccontextmanager
async def serving(house: House, patience: Patience = Patience()) -> AsyncIterator[ClientSession]:
    """A client whose base address is the house's web process, until it is left."""
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    web = asyncio.create_task(serve(house, stop, port.set_result, patience=patience))
    async with ClientSession(f"http://127.0.0.1:{await port}") as client:
        yield client
    stop.set()
    await web


@pytest.fixture
async def web(house: House) -> AsyncIterator[ClientSession]:
    with environment({"KABAR_WHATSAPP__APP_SECRET": SECRET, "KABAR_WHATSAPP__VERIFY_TOKEN": "greeting"}):
        async with serving(house) as client:
            yield client


Configure = Callable[[], Awaitable[int]]


@pytest.fixture
def configured(house: House) -> Configure:
    """Publishes a small configuration that knows kyc.updated and kyc.rejected (with a reason)."""

    async def publish() -> int:
        return await configure(house, files(campaign(channels="[popup]", category="promo")))

    return publish
