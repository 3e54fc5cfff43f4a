"""/p/{token}: what a person chooses holds at once, with evidence, and the page says nothing of who they are."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import ClientSession
from sqlalchemy import text

from jobs.clock import VirtualClock
from jobs.house import House
from jobs.plan import plan
from scheduler.firing import fire
from tests.world import at, campaign, configure, files, person, rows

WHATSAPP_ONLY = {"whatsapp": {"marketing": True, "hours": "always"}, "push": {"marketing": False, "hours": "always"}}


async def page_of(house: House, **changes: Any) -> str:
    person_id = await person(house.database, 1, **changes)
    return f"/p/{house.signer.sign('preferences', str(person_id))}"


async def shown(web: ClientSession, path: str) -> tuple[set[str], str, str]:
    """(channels that are on, the hours, the page)."""
    async with web.get(path) as answer:
        assert answer.status == 200
        page = await answer.text()
    return (
        set(re.findall(r'name="offers" value="(\w+)" checked', page)),
        re.findall(r'name="hours" value="([\w-]+)" checked', page)[0],
        page,
    )


async def post(web: ClientSession, path: str, **form: Any) -> str:
    fields = [(name, each) for name, value in form.items() for each in (value if isinstance(value, list) else [value])]
    async with web.post(path, data=fields) as answer:
        assert answer.status == 200
        return await answer.text()


async def words(house: House) -> list[tuple[str, str, str, str, bool]]:
    found = await rows(house.database, "SELECT kind, channel, source, evidence, lifted_at IS NULL AS live FROM suppressions ORDER BY id")
    return [(row.kind, row.channel, row.source, row.evidence, row.live) for row in found]


async def test_the_page_shows_what_is_in_force_and_not_whose_it_is(house: House, web: ClientSession) -> None:
    path = await page_of(house, consents=WHATSAPP_ONLY, contact_hours="Mon-Fri 00:00-24:00")
    on, hours, page = await shown(web, path)
    assert (on, hours) == ({"whatsapp"}, "weekdays")
    for told in ("Budi", "C000001", "example.com", "62812"):
        assert told not in page
    assert await words(house) == []
    assert await rows(house.database, "SELECT 1 FROM permissions") == []


async def test_switching_offers_off_is_recorded_and_stops_those_that_wait(house: House, web: ClientSession, clock: VirtualClock) -> None:
    path = await page_of(house)
    await configure(house, files(campaign("gift", category="promo", channels="[email, push]"), campaign("note", channels="[email]")))
    await fire(house, clock.now())
    clock.advance_to(at("2026-11-20 18:45"))
    await fire(house, clock.now())
    await plan(house, clock.now())
    every = ["push", "whatsapp", "email", "popup"]
    page = await post(web, path, changed="1", offers_before=every, offers=["push", "whatsapp", "popup"], hours_before="any", hours="any")
    assert "sudah kami simpan" in page
    assert await words(house) == [("opt_out", "email", "preferences", "preference page", True)]
    found = await rows(house.database, "SELECT category, channel, status FROM messages ORDER BY category, channel")
    assert [tuple(row) for row in found] == [
        ("promo", "email", "suppressed"),
        ("promo", "push", "queued"),
        ("reminder", "email", "queued"),
    ]


async def test_switching_offers_on_lifts_what_was_said_and_is_a_consent_on_record(house: House, web: ClientSession) -> None:
    path = await page_of(house, consents=WHATSAPP_ONLY)
    async with house.database.begin() as connection:
        new = "INSERT INTO suppressions (kind, channel, person_id, sort, value, at, recorded_at, source, evidence)"
        await connection.execute(text(f"{new} SELECT 'complaint', 'push', id, NULL, NULL, now(), now(), 'report', 'x' FROM people"))
        of_address = "SELECT 'opt_out', 'push', NULL, sort, value, now(), now(), 'import', 'x' FROM addresses WHERE sort = 'email'"
        await connection.execute(text(f"{new} {of_address}"))
    await post(web, path, changed="1", offers_before="whatsapp", offers=["whatsapp", "push"], hours_before="any", hours="weekday-mornings")
    assert {live for *_, live in await words(house)} == {False}
    on, hours, _ = await shown(web, path)
    assert (on, hours) == ({"whatsapp", "push"}, "weekday-mornings")
    [permission] = await rows(house.database, "SELECT source, contact_hours, consents FROM permissions")
    assert (permission.source, permission.contact_hours) == ("preferences", "Mon-Fri 06:00-11:00")
    # Hours agreed to with a consent that was taken back do not come back with the new one.
    assert permission.consents == {"whatsapp": WHATSAPP_ONLY["whatsapp"], "push": {"marketing": True, "hours": None}}


async def test_a_page_that_lay_open_takes_back_nothing_newer(house: House, web: ClientSession) -> None:
    path = await page_of(house)
    every = ["push", "whatsapp", "email", "popup"]
    await post(web, path, changed="1", offers_before=every, offers=["push", "whatsapp", "popup"], hours_before="any", hours="mornings")
    await post(web, path, changed="1", offers_before=every, offers=["whatsapp", "email", "popup"], hours_before="any", hours="any")
    on, hours, _ = await shown(web, path)
    assert (on, hours) == ({"whatsapp", "popup"}, "mornings")


async def test_what_our_page_did_not_post_changes_nothing(house: House, web: ClientSession) -> None:
    path = await page_of(house)
    for body in ("List-Unsubscribe=One-Click", "", "offers_before=email", "changed=1&" + "offers=x&" * 60, "é"):
        async with web.post(path, data=body.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}) as answer:
            assert answer.status == 200
    assert await words(house) == []
    assert (await shown(web, path))[0] == {"push", "whatsapp", "email", "popup"}


async def test_hours_of_the_persons_own_stay_unless_others_are_chosen(house: House, web: ClientSession) -> None:
    path = await page_of(house, contact_hours="Tue 09:00-10:00")
    assert (await shown(web, path))[1] == "own"
    await post(web, path, changed="1", hours_before="own", hours="own")
    assert (await shown(web, path))[1] == "own"
    await post(web, path, changed="1", hours_before="own", hours="any")
    assert [row.contact_hours for row in await rows(house.database, "SELECT contact_hours FROM people")] == [None]


async def test_a_token_for_something_else_or_of_nobody_is_a_page_not_found(house: House, web: ClientSession) -> None:
    path = await page_of(house)
    for token in (house.signer.sign("unsubscribe", "1", "email"), house.signer.sign("preferences", "424242"), path[3:-1] + "_", "x"):
        for method in ("GET", "POST"):
            async with web.request(method, f"/p/{token}", data="changed=1&offers=email") as answer:
                assert (answer.status, answer.content_type) == (404, "text/html")


async def test_the_unsubscribe_page_leads_to_the_other_choices(house: House, web: ClientSession) -> None:
    path = await page_of(house)
    link = f"/u/{house.signer.sign('unsubscribe', '1', 'email')}"
    for method in ("GET", "POST"):
        async with web.request(method, link) as answer:
            [found] = re.findall(r'href="\.\.(/p/[^"]+)"', await answer.text())
            assert found == path
