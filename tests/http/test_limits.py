"""How often somebody may call, whom that is counted against, and who is never held up by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession
from pydantic import SecretStr

from config.settings import HttpSettings, Settings
from console.http.limits import REMEMBERED, Limiter, client_of
from jobs.api_keys import make_key
from jobs.clock import VirtualClock
from jobs.house import House
from tests.http.app import new_key, token
from tests.http.conftest import AUTH, KEY, SECRET, serving
from tests.http.test_webhooks import URL, signed
from tests.world import environment, person, rows

NEAR = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))


@asynccontextmanager
async def limited(house: House, **settings: float | str) -> AsyncIterator[ClientSession]:
    http = HttpSettings.model_validate({"port": 0, "api_key": SecretStr(KEY), **settings})
    with environment({"KABAR_WHATSAPP__APP_SECRET": SECRET}):
        async with serving(replace(house, settings=Settings(http=http, stop_grace=1))) as web:
            yield web


async def statuses(web: ClientSession, times: int, method: str, path: str, **request: Any) -> list[int]:
    found = []
    for _ in range(times):
        async with web.request(method, path, **request) as answer:
            found.append(answer.status)
            if answer.status == 429:
                assert int(answer.headers["Retry-After"]) >= 1
                assert (await answer.json())["error"] == "too_many_requests"
    return found


def test_a_burst_goes_and_then_the_rate_holds() -> None:
    limiter = Limiter(rate=2, burst=3)
    assert [limiter.take("a", 100.0) for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a", 100.0) == pytest.approx(0.5)
    assert limiter.take("b", 100.0) == 0
    assert limiter.take("a", 100.5) == 0
    assert limiter.take("a", 100.5) > 0
    assert [limiter.take("a", 200.0) for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]


def test_what_is_remembered_of_callers_is_bounded_and_the_last_ones_stay() -> None:
    limiter = Limiter(rate=0.001, burst=1)
    for number in range(REMEMBERED + 5):
        limiter.take(str(number), 0.0)
    assert len(limiter) == REMEMBERED
    assert limiter.wait(str(REMEMBERED + 4), 0.0) > 0
    assert limiter.wait("0", 0.0) == 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody we trust says so
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the first was written by the caller
        ("127.0.0.1", "1.1.1.1, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1\n198.51.100.1", "198.51.100.1"),  # a proxy may add a line of its own
        ("127.0.0.1", "1.1.1.1, 198.51.100.1\n10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1\n198.51.100.1\n10.1.2.3, 10.1.2.4", "198.51.100.1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, ", "127.0.0.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (None, "198.51.100.1", "unknown"),
    ],
)
def test_a_call_counts_against_the_last_address_that_somebody_trusted_named(peer: str | None, forwarded: str | None, client: str) -> None:
    assert client_of(peer, forwarded.split("\n") if forwarded else [], NEAR) == client


async def test_wrong_keys_are_refused_sooner_after_some_and_a_right_one_from_the_same_address_never(
    house: House, clock: VirtualClock
) -> None:
    key = await new_key(house, "metrics", scopes=["metrics"])
    async with limited(house, refused_rate=0.05) as web:  # three a minute
        assert await statuses(web, 1, "GET", "/metrics", headers={"X-API-Key": key}) == [200]
        assert await statuses(web, 5, "GET", "/metrics", headers={"X-API-Key": make_key().text}) == [401, 401, 401, 429, 429]
        assert await statuses(web, 1, "GET", "/metrics", headers={"X-API-Key": key}) == [200]
        assert await statuses(web, 1, "GET", "/metrics", headers=AUTH) == [200]
        clock.advance_to(clock.now() + timedelta(seconds=20))
        assert await statuses(web, 2, "GET", "/metrics", headers={"X-API-Key": "no"}) == [401, 429]


async def test_links_and_tokens_that_are_not_ours_count_as_well_and_ours_go_on(house: House) -> None:
    ours = house.signer.sign("preferences", str(await person(house.database, 1)))
    async with limited(house, refused_rate=0.05) as web:
        app = await token(web)
        found = [await statuses(web, 1, "GET", path) for path in ("/u/x", "/p/x", "/v1/popups", "/c/x", "/u/x", "/v1/popups")]
        assert found == [[404], [404], [401], [429], [429], [429]]
        assert await statuses(web, 1, "GET", f"/p/{ours}") == [200]
        assert await statuses(web, 1, "GET", "/v1/popups", headers=app) == [200]


async def test_one_key_has_its_rate_and_another_its_own(house: House) -> None:
    key = await new_key(house, "metrics", scopes=["metrics"])
    async with limited(house, key_rate=1) as web:  # two in a burst
        assert await statuses(web, 3, "GET", "/metrics", headers={"X-API-Key": key}) == [200, 200, 429]
        assert await statuses(web, 1, "GET", "/metrics", headers=AUTH) == [200]


async def test_one_persons_app_cannot_ask_without_end(house: House) -> None:
    for number in (1, 2):
        await person(house.database, number)
    async with limited(house) as web:
        one, two = await token(web, 1), await token(web, 2)
        assert set((await statuses(web, 105, "GET", "/v1/popups", headers=one))[-5:]) == {429}
        assert await statuses(web, 1, "GET", "/v1/popups", headers=two) == [200]


async def test_pages_without_a_key_have_a_rate_for_each_address_and_each_page(house: House) -> None:
    async with limited(house, open_rate=0.2, trusted_proxies="127.0.0.1") as web:  # two in a burst
        there, elsewhere = {"X-Forwarded-For": "198.51.100.1"}, {"X-Forwarded-For": "198.51.100.2"}
        assert await statuses(web, 3, "GET", "/sdk/kabar-popup.js", headers=there) == [200, 200, 429]
        assert await statuses(web, 1, "GET", "/sdk/kabar-popup.js", headers=elsewhere) == [200]
        assert await statuses(web, 1, "GET", "/healthz", headers=there) == [200]


async def test_a_caller_cannot_choose_the_address_it_counts_against_by_a_line_of_its_own(house: House) -> None:
    async with limited(house, refused_rate=0.05, trusted_proxies="127.0.0.1") as web:  # three a minute
        found = []
        for number in range(5):
            forged = [("X-Forwarded-For", f"198.51.100.{number}"), ("X-Forwarded-For", "203.0.113.7"), ("X-API-Key", "no")]
            found += await statuses(web, 1, "GET", "/metrics", headers=forged)
        assert found == [401, 401, 401, 429, 429]


async def test_a_providers_verified_webhooks_are_never_too_many_whatever_else_comes_from_there(house: House) -> None:
    async with limited(house, refused_rate=0.05, open_rate=0.2) as web:
        with structlog.testing.capture_logs() as logs:
            assert await statuses(web, 5, "POST", URL, data=b"{}") == [403, 403, 403, 429, 429]
        assert [line["event"] for line in logs].count("receipt.refused") == 3
        assert set(await statuses(web, 50, "POST", URL, data=b"{}", headers=signed(b"{}"))) == {200}
    assert len(await rows(house.database, "SELECT 1 FROM receipts")) == 50
