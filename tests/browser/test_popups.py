"""The SDK in a real app's page: strict CSP, another origin, a server's time that is not the device's."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession
from playwright.async_api import Page, Request, Response, Route, expect

from store import changes
from tests.browser.chromium import PATIENCE_MS, page_of
from tests.browser.conftest import Stage, shown
from tests.world import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 6000  # bytes on the wire
BUTTONS = [{"id": "join", "label": "Ikut kelas", "link": "https://www.example.co.id/kelas"}, {"id": "later", "label": "Nanti saja"}]


@asynccontextmanager
async def told(page: Page, kind: str) -> AsyncIterator[None]:
    """What is done here reaches the server, which answers; when the screen is free, the app has asked anew."""
    told_of: list[Request] = []
    answered, asked = asyncio.Event(), asyncio.Event()

    def leaves(request: Request) -> None:
        tells = request.url.endswith("/v1/popups/events") and f'"type":"{kind}"' in (request.post_data or "")
        if tells or (told_of and "/v1/popups?" in request.url):
            told_of.append(request)

    def comes(answer: Response) -> None:
        if answer.request in told_of:
            (asked if "?" in answer.url else answered).set()

    page.on("request", leaves)
    page.on("response", comes)
    yield
    await page.clock.fast_forward(1500)
    async with asyncio.timeout(PATIENCE_MS / 1000):
        await answered.wait()
        if kind != "impression":
            await asked.wait()
    page.remove_listener("request", leaves)
    page.remove_listener("response", comes)


async def test_the_more_important_is_shown_first_and_the_other_half_a_minute_after_it_is_dismissed(stage: Stage) -> None:
    customer = await stage.customer()
    lesser = await stage.popup(customer, "Kabar kecil", priority="info", buttons=BUTTONS)
    first = await stage.popup(customer, "<img src=x onerror=alert(1)>", image="https://cdn.example.co.id/live/kelas.jpg", buttons=BUTTONS)
    async with stage.app(customer) as page:
        async with told(page, "impression"):
            await expect(shown(page)).to_have_accessible_name("<img src=x onerror=alert(1)>")
            await expect(page.locator("kabar-popup img")).to_be_visible()
        assert await stage.fate(first) == ("read", 1, False)
        async with told(page, "dismiss"):
            await page.get_by_role("button", name="Tutup").click()
        await expect(shown(page)).to_have_count(0)
        assert await stage.fate(first) == ("read", 1, True)
        await frames(page)
        assert await shown(page).count() == 0
        await stage.later(page, 45)
        await expect(shown(page)).to_have_accessible_name("Kabar kecil")
        async with told(page, "click"):
            await page.get_by_role("button", name="Ikut kelas").click()
        await expect(page.get_by_text("Membuka https://www.example.co.id/kelas")).to_be_visible()
        assert await stage.fate(lesser) == ("read", 1, True)
    found = await rows(stage.house.database, "SELECT kind, detail FROM interactions WHERE message_id = :id ORDER BY kind", id=lesser)
    assert [tuple(row) for row in found] == [("clicked", "join"), ("read", None)]
    assert stage.problems == []


async def test_a_modal_keeps_the_focus_and_escape_dismisses_it(stage: Stage) -> None:
    customer = await stage.customer()
    number = await stage.popup(customer, "Halo", buttons=[{"id": "bad", "label": "Jahat", "link": "javascript:document.title='x'"}])
    async with stage.app(customer) as page:
        await expect(page.get_by_role("button", name="Jahat")).to_be_focused()
        assert await page.evaluate("document.elementFromPoint(5, 5).localName") == "kabar-popup"
        async with told(page, "dismiss"):
            await page.keyboard.press("Escape")
        assert await stage.fate(number) == ("read", 1, True)
        other = await stage.popup(customer, "Halo lagi", buttons=[{"id": "bad", "label": "Jahat", "link": "javascript:document.title='x'"}])
        await stage.later(page, 60)
        async with told(page, "click"):
            await page.get_by_role("button", name="Jahat").click()
        assert await stage.fate(other) == ("read", 1, True)
        assert await page.title() == "Nusa Sekuritas · aplikasi contoh"
        await expect(page.locator("#word")).to_be_empty()


async def test_it_vanishes_when_it_expires_on_a_device_whose_clock_is_years_off(stage: Stage) -> None:
    customer = await stage.customer()
    number = await stage.popup(customer, "Sejam lagi", lasts=60, layout="banner")
    async with stage.app(customer, clock=datetime(2031, 1, 1, tzinfo=UTC)) as page:
        async with told(page, "impression"):
            await expect(shown(page)).to_be_visible()
        await stage.later(page, 61)
        await expect(shown(page)).to_have_count(0)
    assert await stage.fate(number) == ("read", 1, False)
    [row] = await rows(stage.house.database, "SELECT at FROM interactions WHERE message_id = :id", id=number)
    assert abs((stage.clock.now() - row.at).total_seconds()) < 120


async def test_what_was_done_offline_is_told_once_the_network_is_back_also_by_a_page_opened_anew(stage: Stage) -> None:
    customer = await stage.customer()
    first = await stage.popup(customer, "Satu")
    async with stage.app(customer) as page:
        async with told(page, "impression"):
            await expect(shown(page)).to_be_visible()
        await page.context.set_offline(True)
        await page.get_by_role("button", name="Tutup").click()
        for _ in range(5):  # by now it would try again after half a minute, if nothing told it earlier
            async with page.expect_event("requestfailed"):
                await page.clock.fast_forward(300_000)
        assert await stage.fate(first) == ("read", 1, False)
        async with told(page, "dismiss"):
            await page.context.set_offline(False)
        assert await stage.fate(first) == ("read", 1, True)
        second = await stage.popup(customer, "Dua")
        await stage.later(page, 60)
        await expect(shown(page)).to_have_accessible_name("Dua")
        await page.context.set_offline(True)
        await page.get_by_role("button", name="Tutup").click()
        again = await page.context.new_page()
        await page.close()
        await again.context.set_offline(False)
        async with told(again, "dismiss"), stage.app(customer, again):
            pass
        assert (await stage.fate(second))[2]
        await expect(shown(again)).to_have_count(0)


async def frames(page: Page) -> None:
    """What was on its way to the screen is there."""
    await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def asks(answer: Response) -> bool:
    return "/v1/popups?" in answer.url


async def test_of_two_tabs_one_shows_it(stage: Stage) -> None:
    async with page_of(stage.browser) as one:
        await one_of(stage, [one, await one.context.new_page()])


async def test_while_one_tab_shows_it_another_that_may_show_it_again_does_not(stage: Stage) -> None:
    customer = await stage.customer()
    await stage.popup(customer, "Dua kali", max_impressions=2, min_interval_s=0)
    async with page_of(stage.browser) as one, stage.app(customer, one):
        async with told(one, "impression"):
            await expect(shown(one)).to_be_visible()
        other = await one.context.new_page()
        async with other.expect_response(asks), stage.app(customer, other):
            pass
        async with other.expect_response(asks) as given:
            await stage.later(other, 301)
        assert (await given.value).status == 304  # it is given again, as before
        await frames(other)
        assert [await shown(page).count() for page in (one, other)] == [1, 0]


async def test_of_two_devices_one_shows_it(stage: Stage) -> None:
    async with page_of(stage.browser) as one, page_of(stage.browser) as other:
        await one_of(stage, [one, other])


async def one_of(stage: Stage, pages: list[Page]) -> None:
    """All hear at once of a pop-up of their customer's, ask and are answered; one shows it."""
    customer = await stage.customer()
    for page in pages:
        async with page.expect_response(asks):
            await page.goto(f"{stage.site}/app?customer={customer}")
    heard = [asyncio.create_task(page.wait_for_event("response", asks)) for page in pages]
    number = await stage.popup(customer, "Sekali saja")
    for answer in await asyncio.gather(*heard):
        await answer.finished()
    waits = [asyncio.create_task(shown(page).wait_for()) for page in pages]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for page in pages:
        await frames(page)
    assert sum([await shown(page).count() for page in pages]) == 1
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    assert (await stage.fate(number))[1] <= 1


async def test_what_becomes_ready_is_shown_without_a_reload_and_a_tested_one_before_all(stage: Stage) -> None:
    customer = await stage.customer()
    async with page_of(stage.browser) as page:
        async with page.expect_response(lambda answer: answer.url.endswith("/v1/popups/stream")), stage.app(customer, page):
            pass
        await stage.popup(customer, "Baru saja", layout="fullscreen")
        await expect(shown(page)).to_have_accessible_name("Baru saja")


async def test_what_changes_for_everybody_during_an_answer_is_asked_for_within_half_a_minute(stage: Stage) -> None:
    customer = await stage.customer()
    async with page_of(stage.browser) as page:
        held, heard, streams = asyncio.Event(), asyncio.Event(), set[str]()

        async def answer_late(route: Route) -> None:
            answer = await route.fetch()
            if not held.is_set():
                held.set()
                await heard.wait()
            await route.fulfill(response=answer)

        network = await page.context.new_cdp_session(page)
        network.on("Network.responseReceived", lambda it: streams.add(it["requestId"]) if "/stream" in it["response"]["url"] else None)
        await network.send("Network.enable")
        await page.route("**/v1/popups?*", answer_late)
        async with page.expect_response(lambda answer: answer.url.endswith("/v1/popups/stream")), stage.app(customer, page):
            pass
        async with asyncio.timeout(PATIENCE_MS / 1000):
            await held.wait()
        network.on("Network.dataReceived", lambda it: heard.set() if it["requestId"] in streams else None)
        async with page.expect_response(asks), stage.house.database.begin() as connection:
            await changes.tell_everybody(connection)
        await frames(page)
        async with page.expect_response(asks):
            await stage.later(page, 31)


async def test_the_script_is_small_on_the_wire_cached_and_free_for_every_page(stage: Stage) -> None:
    async with ClientSession(auto_decompress=False) as client:
        url = f"http://127.0.0.1:{stage.sandbox.kabar[0].rpartition(':')[2]}/sdk/kabar-popup.js" if stage.sandbox.kabar else ""
        async with client.get(url, headers={"Accept-Encoding": "gzip", "Origin": "https://elsewhere.example"}) as answer:
            packed, tag = await answer.read(), answer.headers["ETag"]
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert len(packed) < LIMIT
        async with client.get(url, headers={"Accept-Encoding": "identity"}) as answer:
            assert await answer.read() == gzip.decompress(packed)
            assert answer.headers["ETag"] != tag
        async with client.get(url, headers={"Accept-Encoding": "gzip", "If-None-Match": tag}) as answer:
            assert answer.status == 304
