"""POST /v1/events."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from config.settings import HttpSettings, Settings
from jobs.forget import forget_customer
from jobs.house import House
from jobs.links import PREFERENCES
from tests.http.conftest import AUTH, KEY, Configure, serving
from tests.world import person, rows

REJECTED = {"event": "kyc.rejected", "customer_no": "C000001", "data": {"reason": "KTP buram"}, "event_id": "crm-1"}


async def post(web: ClientSession, body: object, headers: dict[str, str] = AUTH) -> tuple[int, dict[str, Any]]:
    async with web.post("/v1/events", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.fixture
async def customer(house: House, configured: Configure) -> int:
    await configured()
    return await person(house.database, 1)


async def test_an_event_is_taken_once_by_its_id(house: House, web: ClientSession, customer: int) -> None:
    assert await post(web, REJECTED) == (202, {"event_id": "crm-1", "status": "accepted"})
    assert await post(web, REJECTED) == (202, {"event_id": "crm-1", "status": "duplicate"})
    stored = await rows(house.database, "SELECT name, person_id, data, received_at FROM events")
    assert [tuple(row) for row in stored] == [("kyc.rejected", customer, {"reason": "KTP buram"}, house.clock.now())]


async def test_an_event_without_an_id_gets_one(web: ClientSession, customer: int) -> None:
    body = {"event": "kyc.updated", "customer_no": "C000001"}
    first, second = await post(web, body, {"X-API-Key": KEY}), await post(web, body)
    assert (first[0], second[0]) == (202, 202)
    assert first[1]["event_id"] != second[1]["event_id"]


async def test_an_unknown_customer_is_refused_and_nothing_is_stored(house: House, web: ClientSession, customer: int) -> None:
    status, told = await post(web, REJECTED | {"customer_no": "C404"})
    assert (status, told["error"]) == (404, "unknown_customer")
    assert await rows(house.database, "SELECT 1 FROM events") == []


async def test_an_event_of_a_forgotten_customer_is_ignored_and_the_links_they_have_lead_nowhere(
    house: House, web: ClientSession, customer: int
) -> None:
    await forget_customer(house, "C000001", by="dewi", reason="CRM-1182", now=house.clock.now())
    assert await post(web, REJECTED) == (202, {"event_id": "crm-1", "status": "ignored"})
    assert await rows(house.database, "SELECT 1 FROM events") == []
    page = f"/p/{house.signer.sign(PREFERENCES, str(customer))}"
    async with web.get(page) as shown, web.post(page, data={"changed": "1", "hours": "mornings", "offers": "email"}) as chosen:
        assert (shown.status, chosen.status) == (404, 404)
    assert await rows(house.database, "SELECT 1 FROM people WHERE contact_hours IS NOT NULL OR hours_chosen_at IS NOT NULL") == []


async def test_an_unknown_event_is_told_the_known_ones(web: ClientSession, customer: int) -> None:
    status, told = await post(web, REJECTED | {"event": "kyc.exploded"})
    assert (status, told["error"]) == (422, "unknown_event")
    assert "kyc.rejected, kyc.updated" in told["message"]


async def test_data_has_the_keys_the_event_declares(web: ClientSession, customer: int) -> None:
    for data in ({}, {"reason": " "}, {"reason": "x", "ktp": "317"}, {"ktp": "317"}):
        status, told = await post(web, REJECTED | {"data": data})
        assert (status, told["error"]) == (422, "wrong_data")
        assert "kyc.rejected carries reason" in told["message"]
        assert "317" not in told["message"]


async def test_a_value_that_is_no_plain_bounded_one_is_named_by_its_field(web: ClientSession, customer: int) -> None:
    for value in (None, [1], {"a": 1}, "x" * 2001, "nul\0", "\ud800", 2**53 + 1, float("inf"), float("nan")):
        status, told = await post(web, REJECTED | {"data": {"reason": value}})
        assert (status, told["error"]) == (422, "invalid")
        assert told["message"].startswith("data.reason: ")


async def test_a_body_of_another_shape_is_refused(web: ClientSession, customer: int) -> None:
    changes: tuple[dict[str, object], ...] = ({"customer_no": ""}, {"event_id": "a\nb"}, {"more": 1}, {"\ud800": 1})
    for body in ({}, [], *(REJECTED | change for change in changes)):
        assert (await post(web, body))[0] == 422


async def test_a_body_that_is_not_json_is_refused(web: ClientSession, customer: int) -> None:
    for raw in (b"{", b"\xff\xfe", b"[" * 60_000, b'{"event": ' + b"9" * 5000 + b"}"):
        async with web.post("/v1/events", data=raw, headers=AUTH | {"Content-Type": "application/json"}) as answer:
            assert answer.status in (400, 422)
            assert set(await answer.json()) == {"error", "message"}


async def test_a_large_body_is_refused_whether_it_says_so_or_not(web: ClientSession, customer: int) -> None:
    async def in_pieces() -> Any:
        for _ in range(70):
            yield b" " * 1024

    for body in (b" " * 70_000, in_pieces()):
        async with web.post("/v1/events", data=body, headers=AUTH | {"Content-Type": "application/json"}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (413, "too_large")


async def test_a_wrong_key_is_refused(web: ClientSession, customer: int) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {KEY}"}):
        status, told = await post(web, REJECTED, headers)
        assert (status, told["error"]) == (401, "unauthorized")


async def test_without_a_configured_key_every_call_is_refused_with_the_way_out(database_url: str, house: House) -> None:
    keyless = House(Settings(http=HttpSettings(port=0)), house.database, house.clock, house.channels, house.catalog)
    async with serving(keyless) as web:
        status, told = await post(web, REJECTED, {"Authorization": "Bearer "})
    assert (status, told["error"]) == (503, "api_key_not_set")
    assert "KABAR_HTTP__API_KEY" in told["message"]


async def test_an_empty_key_is_no_key(house: House) -> None:
    empty = HttpSettings(port=0, api_key=SecretStr(""))
    async with serving(House(Settings(http=empty), house.database, house.clock, house.channels, house.catalog)) as web:
        assert (await post(web, REJECTED, {"X-API-Key": ""}))[0] == 503


async def test_before_anything_is_published_the_caller_is_told_to_wait(web: ClientSession) -> None:
    status, told = await post(web, REJECTED)
    assert (status, told["error"]) == (503, "not_configured")
