"""/c/{token}: links of a mail lead through us, count once, and never lead anywhere else."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr
from sqlalchemy import text

from channels.email.content import PreparedEmail
from channels.registry import CHANNELS
from config.settings import HttpSettings, Settings
from jobs.clock import VirtualClock
from jobs.digests import speech
from jobs.house import House
from jobs.links import Signer
from jobs.plan import plan
from jobs.render import Renderer
from scheduler.bootstrap import open_house
from scheduler.firing import fire
from store import clicks
from store.engine import Database
from tests.world import at, campaign, configure, files, person, rows

BODY = (
    "[Lihat](https://example.com/promo?c={{ customer_no }}&b=2) atau <https://example.com/apa>. "
    "[Tanya](mailto:cs@example.com) [Kamu]({{ attributes.page | default('https://mine.example.com/x') }}) "
    "[Luar](https://{{ attributes.host | default('x.id') }}/y)"
)
TEMPLATE = f"""
template: hello
variants:
  - email: {{subject: Halo, body: "{BODY}"}}
"""
READER = {"User-Agent": "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/149.0 Mobile Safari/537.36"}


async def letter(house: House, clock: VirtualClock, **changes: object) -> PreparedEmail:
    """The content of the one mail, which has been sent."""
    await person(house.database, 1)
    await configure(house, files(campaign("hello", **({"category": "promo", "channels": "[email]"} | changes)), template=TEMPLATE))
    await fire(house, clock.now())
    clock.advance_to(at("2026-11-20 18:45"))
    await fire(house, clock.now())
    await plan(house, clock.now())
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE messages SET status = 'sent', sent_at = :now"), {"now": clock.now()})
        [[message_id]] = (await connection.execute(text("SELECT id FROM messages"))).all()
        row = await clicks.message(connection, message_id)
        assert row is not None
        renderer = Renderer(house, {row.version_id: await house.catalog.version(connection, row.version_id)})
    content = speech(renderer, row, CHANNELS["email"], ()).content
    assert isinstance(content, PreparedEmail)
    return content


def hrefs(content: PreparedEmail) -> list[str]:
    return [unescape(found) for found in re.findall(r'href="([^"]*)"', content.html)]


def paths(content: PreparedEmail) -> list[str]:
    return [link.partition("8080")[2] for link in hrefs(content) if "/c/" in link]


async def clicked(house: House) -> list[tuple[str, str | None]]:
    return [(row.kind, row.detail) for row in await rows(house.database, "SELECT kind, detail FROM interactions ORDER BY event_id")]


async def test_counted_links_lead_through_us_and_the_others_stay_what_they_are(house: House, clock: VirtualClock) -> None:
    content = await letter(house, clock)
    first, second, *others = hrefs(content)
    assert re.fullmatch(r"http://127\.0\.0\.1:8080/c/[\w.-]+", first)
    assert first != second
    assert others == ["mailto:cs@example.com", "https://mine.example.com/x", "https://x.id/y"]
    assert f"Lihat ({first}) atau {second}." in content.text
    assert "example.com/promo" not in content.html + content.text


async def test_a_click_leads_where_the_template_says_and_the_message_was_read(
    house: House, web: ClientSession, clock: VirtualClock
) -> None:
    first, second = paths(await letter(house, clock))
    for path, place in ((first, "https://example.com/promo?c=C000001&b=2"), (second, "https://example.com/apa"), (first, None)):
        async with web.get(path, allow_redirects=False, headers=READER) as answer:
            assert answer.status == 302
            assert place is None or answer.headers["Location"] == place
            assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert await clicked(house) == [("clicked", "link 1"), ("clicked", "link 2")]
    [message] = await rows(house.database, "SELECT status, read_at FROM messages")
    assert (message.status, message.read_at) == ("read", clock.now())


ROBOTS = (
    ("HEAD", READER),
    ("GET", READER | {"Sec-Purpose": "prefetch;prerender"}),
    ("GET", {"User-Agent": "WhatsApp/2.26.1 A"}),
    ("GET", {"User-Agent": ""}),
)


async def test_robots_are_led_on_and_not_counted(house: House, web: ClientSession, clock: VirtualClock) -> None:
    path, _ = paths(await letter(house, clock))
    for method, headers in ROBOTS:
        async with web.request(method, path, allow_redirects=False, headers=headers) as answer:
            assert answer.status == 302
    assert await clicked(house) == []
    assert [row.status for row in await rows(house.database, "SELECT status FROM messages")] == ["sent"]


async def test_whatever_is_not_our_link_is_the_same_page_not_found(house: House, web: ClientSession, clock: VirtualClock) -> None:
    path, _ = paths(await letter(house, clock))
    token = path.removeprefix("/c/")
    head, _, tail = token.partition(".")
    signer = house.signer
    wrong = [
        token[:-2] + "AA",
        f"{head}.{tail[4:]}A",
        signer.sign("click", "1", "email", "7"),  # no such link
        signer.sign("click", "424242", "email", "0"),  # no such message
        signer.sign("unsubscribe", "1", "0"),
        Signer(b"another").sign("click", "1", "email", "0"),
        signer.sign("click", "1", "push", "0"),
        "https:evil.example",
        "x",
    ]
    pages = set()
    for each in wrong:
        async with web.get(f"/c/{each}", allow_redirects=False, headers=READER) as answer:
            assert (answer.status, answer.content_type) == (404, "text/html")
            pages.add(await answer.text())
    assert len(pages) == 1
    async with house.database.begin() as connection:
        await connection.execute(text("DELETE FROM people"))
    async with web.get(path, allow_redirects=False, headers=READER) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("changes", [{"count_clicks": "false"}, {"category": "service"}])
async def test_where_clicks_are_not_counted_links_lead_straight_there(house: House, clock: VirtualClock, changes: dict[str, str]) -> None:
    content = await letter(house, clock, **changes)
    assert hrefs(content)[:2] == ["https://example.com/promo?c=C000001&b=2", "https://example.com/apa"]
    assert "Lihat (https://example.com/promo?c=C000001&b=2) atau https://example.com/apa." in content.text


async def test_a_service_message_may_ask_for_counting(house: House, clock: VirtualClock) -> None:
    assert len(paths(await letter(house, clock, category="service", count_clicks="true"))) == 2


def test_a_retired_key_still_verifies_and_signs_nothing_new() -> None:
    old, new = Signer(b"old"), Signer(b"new", (b"old", b"older"))
    assert new.read("click", old.sign("click", "1", "0")) == ("1", "0")
    assert old.read("click", new.sign("click", "1", "0")) is None
    assert replace(new, retired=()).read("click", old.sign("click", "1", "0")) is None


async def test_a_key_that_is_set_takes_over_from_the_one_the_installation_made(database_url: str, database: Database) -> None:
    async def signer(**http: SecretStr) -> Signer:
        settings = Settings(database_url=SecretStr(database_url), http=HttpSettings(**http))
        async with open_house(settings) as house:
            return house.signer

    own = await signer()
    first = await signer(signing_key=SecretStr("first"))
    second = await signer(signing_key=SecretStr("second"), retired_signing_keys=SecretStr("first, zeroth"))
    for before in (own, first, Signer(b"zeroth"), second):
        assert second.read("click", before.sign("click", "1", "0")) == ("1", "0")
    assert first.read("click", second.sign("click", "1", "0")) is None


def test_a_link_signed_before_keys_had_ids_still_holds() -> None:
    payload, _, tail = Signer(b"old").sign("unsubscribe", "1", "email").partition(".")
    before = f"{payload}.{tail[4:]}"
    assert Signer(b"new", (b"old",)).read("unsubscribe", before) == ("1", "email")
    assert Signer(b"new").read("unsubscribe", before) is None
