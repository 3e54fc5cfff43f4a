"""Our own description of the interface, played against the running web process: no 5xx, and no answer that it does not describe."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from channels.registry import CHANNELS
from config.settings import HttpSettings, Settings
from console.http import make_web, serve
from console.http.access import recipient_token
from console.http.description import describe
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.links import Signer
from store.engine import open_database
from tests.http.conftest import KEY
from tests.world import campaign, configure, files, person

EXAMPLES = 10  # of each endpoint and kind
FAST = 100_000.0
ENDLESS = "GET /v1/popups/stream"  # has its own tests
# A parameter nobody knows is passed over, in an address; the proof is ours to bring.
CONFIG = SchemathesisConfig.from_dict({"generation": {"allow-extra-parameters": False, "with-security-parameters": False}})
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Served:
    """A web process in a thread of its own."""

    url: str
    description: dict[str, Any]
    credentials: dict[str, str]


def _house(database_url: str, clock: VirtualClock) -> House:
    http = HttpSettings(port=0, api_key=SecretStr(KEY), key_rate=FAST, open_rate=FAST, refused_rate=FAST)
    database = open_database(database_url)
    return House(Settings(http=http, stop_grace=1), database, clock, CHANNELS, Catalog(CHANNELS), signer=Signer(b"test"), chance=Random(1))


@pytest.fixture
def served(database_url: str, clock: VirtualClock) -> Iterator[Served]:
    house, ready = _house(database_url, clock), threading.Event()
    bound: list[int] = []

    async def run(loop: list[asyncio.AbstractEventLoop], stop: asyncio.Event) -> None:
        loop.append(asyncio.get_running_loop())
        await person(house.database, 1)
        await configure(house, files(campaign(channels="[popup]", category="promo")))

        def on_bound(port: int) -> None:
            bound.append(port)
            ready.set()

        await serve(house, stop, on_bound)
        await house.database.close()

    loops: list[asyncio.AbstractEventLoop] = []
    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: asyncio.run(run(loops, stop)))
    thread.start()
    assert ready.wait(30)
    signed, _ = recipient_token(house.signer, 1, clock.now(), _HOUR)
    yield Served(
        f"http://127.0.0.1:{bound[0]}",
        describe(make_web(house)),
        {"key": f"Bearer {KEY}", "recipient": f"Bearer {signed}"},
    )
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(30)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_the_description_allows_or_forbids_the_answer_is_one_it_describes(served: Served, mode: GenerationMode) -> None:
    played = set()
    with requests.Session() as session:
        found: Any
        for found in schemathesis.openapi.from_dict(served.description, config=CONFIG).get_all_operations():
            operation = found.ok()
            if operation.label == ENDLESS or (mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation)):
                continue
            played.add(operation.label)
            play(served, session, operation, mode)
    assert played >= {"POST /v1/events", "POST /v1/popups/tokens", "GET /v1/popups", "POST /v1/receipts/push"}


def _can_be_wrong(operation: Any) -> bool:
    """Any word in a path is a word."""
    return bool(operation.body) or any(parameter.location.value != "path" for parameter in operation.iter_parameters())


def _sensible(case: Any) -> None:
    """What no schema can say: which events are configured, and that nothing was reported before there was a Kabar."""
    body = case.body
    if case.operation.label == "POST /v1/events" and isinstance(body, dict):
        body |= {"event": "kyc.updated", "customer_no": "C000001" if len(body["customer_no"]) > 1 else body["customer_no"]}
        body.pop("data", None)
    elif isinstance(body, dict) and "items" in body:
        for item in body["items"]:
            item["at"] = "2026-11-20T19:03:00+07:00"


def play(served: Served, session: requests.Session, operation: Any, mode: GenerationMode) -> None:
    """Every check there is: status, headers and body are described, wrong input is refused, right input is not, keys are asked for."""
    asked = served.description["paths"][operation.path][operation.method].get("security", [])
    headers = {"Authorization": served.credentials[next(iter(asked[0]))]} if asked else {}

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            _sensible(case)
        case.call_and_validate(base_url=served.url, session=session, headers=headers)

    one()
