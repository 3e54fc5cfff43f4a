"""A web process on a free port, with an API key and a WhatsApp webhook, and a client to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from channels.base import Channel, Webhook, expect
from channels.registry import CHANNELS
from channels.whatsapp import receipts
from channels.whatsapp.settings import WhatsAppSettings
from config.settings import ChannelSettings, HttpSettings, Settings
from console.http import serve
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.links import Signer
from store.engine import Database
from tests.world import campaign, configure, environment, files

KEY = "the-api-key"
SECRET = "the-app-secret"
AUTH = {"Authorization": f"Bearer {KEY}"}


def _verify(settings: ChannelSettings, raw: bytes, headers: Mapping[str, str]) -> bool:
    secret = expect(WhatsAppSettings, settings).app_secret
    return secret is not None and receipts.verify(secret.get_secret_value(), raw, headers.get("x-hub-signature-256"))


def _challenge(settings: ChannelSettings, query: Mapping[str, str]) -> str | None:
    token = expect(WhatsAppSettings, settings).verify_token
    return None if token is None else receipts.challenge(query, token.get_secret_value())


@pytest.fixture
def channels() -> Mapping[str, Channel]:
    return {**CHANNELS, "whatsapp": replace(CHANNELS["whatsapp"], webhook=Webhook(_verify, receipts.parse, _challenge))}


@pytest.fixture
def house(database: Database, clock: VirtualClock, channels: Mapping[str, Channel]) -> House:
    settings = Settings(http=HttpSettings(port=0, api_key=SecretStr(KEY)), stop_grace=1)
    return House(settings, database, clock, channels, Catalog(channels), signer=Signer(b"test"), chance=Random(1))


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[ClientSession]:
    """A client whose base address is the house's web process, until it is left."""
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    web = asyncio.create_task(serve(house, stop, port.set_result))
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
