"""/u/{token}."""

from __future__ import annotations

import pytest
import structlog
from aiohttp import ClientSession
from sqlalchemy import text

from jobs.clock import VirtualClock
from jobs.house import House
from jobs.plan import plan
from scheduler.firing import fire
from tests.world import at, campaign, configure, files, person, rows


@pytest.fixture
async def link(house: House) -> str:
    person_id = await person(house.database, 1)
    return f"/u/{house.signer.sign('unsubscribe', str(person_id), 'email')}"


async def optouts(house: House) -> list[tuple[str, str]]:
    return [(row.channel, row.evidence) for row in await rows(house.database, "SELECT channel, evidence FROM suppressions")]


async def test_following_the_link_asks_and_changes_nothing(house: House, web: ClientSession, link: str) -> None:
    async with web.get(link) as answer:
        page = await answer.text()
        assert answer.status == 200
        assert '<form method="post">' in page
        assert "Berhenti menerima penawaran lewat email?" in page
        assert "Budi" not in page
        assert "example.com" not in page
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert await optouts(house) == []


async def test_one_click_opts_out_and_a_second_changes_nothing(house: House, web: ClientSession, link: str) -> None:
    for body in ({"List-Unsubscribe": "One-Click"}, None):
        async with web.post(link, data=body) as answer:
            assert answer.status == 200
            assert "sudah kami catat" in await answer.text()
    assert await optouts(house) == [("email", "one-click")]


async def test_an_opt_out_is_told_once_however_often_it_is_posted(web: ClientSession, link: str) -> None:
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            async with web.post(link) as answer:
                assert answer.status == 200
    assert [line["channel"] for line in logs if line["event"] == "customer.opted_out"] == ["email"]


async def test_the_links_of_a_test_letter_say_that_it_was_a_test_and_opt_nobody_out(house: House, web: ClientSession) -> None:
    unsubscribe, preferences = house.signer.sign("unsubscribe", "0", "email"), house.signer.sign("preferences", "0")
    for method, path in (("POST", f"/u/{unsubscribe}"), ("GET", f"/p/{preferences}"), ("POST", f"/p/{preferences}")):
        async with web.request(method, path, data={"changed": "1", "offers_before": "email"}) as answer:
            assert answer.status == 200
            assert "pesan uji" in await answer.text()
    assert await optouts(house) == []


async def test_the_click_stops_the_offers_that_wait(house: House, web: ClientSession, link: str, clock: VirtualClock) -> None:
    both = (campaign("gift", category="promo", channels="[email, push]"), campaign("note", channels="[email]"))
    await configure(house, files(*both))
    await fire(house, clock.now())
    clock.advance_to(at("2026-11-20 18:45"))
    await fire(house, clock.now())
    await plan(house, clock.now())
    async with web.post(link) as answer:
        assert answer.status == 200
    found = await rows(house.database, "SELECT category, channel, status, reason FROM messages ORDER BY category, channel")
    assert [tuple(row) for row in found] == [
        ("promo", "email", "suppressed", "opted_out:email"),
        ("promo", "push", "queued", None),
        ("reminder", "email", "queued", None),
    ]


async def test_a_link_that_is_not_ours_is_a_page_not_found(house: House, web: ClientSession, link: str) -> None:
    other = house.signer.sign("popup", "1", "9999999999")
    for token in (other, link.removeprefix("/u/")[:-1] + "_", "x", "%00", "é"):
        for method in ("GET", "POST"):
            async with web.request(method, f"/u/{token}") as answer:
                assert (answer.status, answer.content_type) == (404, "text/html")
    assert await optouts(house) == []


async def test_a_person_erased_since_is_a_page_not_found(house: House, web: ClientSession, link: str) -> None:
    async with house.database.begin() as connection:
        await connection.execute(text("DELETE FROM people"))
    async with web.post(link) as answer:
        assert answer.status == 404
