"""/v1/popups and /v1/receipts/push, on messages that went the real path."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from sqlalchemy import text

from channels.base import PopupItem
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.queue import drain, make_app
from jobs.receipts import apply_receipts
from jobs.trials import lay_ready as lay_ready_test
from scheduler.accounts import open_accounts
from store import suppressions, versions
from store.suppressions import Source
from tests.http.app import ask, event, tell, token
from tests.http.conftest import AUTH, Configure
from tests.world import person, play, rows

LATER = timedelta(minutes=40)  # after 19:00, when the window opens


@pytest.fixture
async def people(house: House, clock: VirtualClock, configured: Configure) -> tuple[int, int]:
    """Two persons, each with one pop-up of the campaign `hello` waiting."""
    await configured()
    both = await person(house.database, 1), await person(house.database, 2)
    await lie_ready(house, clock)
    return both


async def lie_ready(house: House, clock: VirtualClock) -> None:
    """Let the house work until the evening's pop-ups wait for the app."""
    sending = replace(house, accounts=await open_accounts(house))
    app = make_app(sending)

    async def send() -> None:
        await drain(app, ["popup"], 2)

    async with app.open_async():
        await play(sending, clock, clock.now() + LATER, send)


async def states(house: House) -> list[str]:
    return [row.status for row in await rows(house.database, "SELECT status FROM messages ORDER BY person_id")]


async def test_the_app_gets_its_persons_items_and_that_delivers_them(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    assert await states(house) == ["sent", "sent"]
    status, [item], _ = await ask(web, await token(web), trigger="app_open", platform="ios", app_version="1.0", locale="id")
    assert status == 200
    assert item["content"] == {"layout": "modal", "title": "Halo Budi", "body": "Ada kabar untukmu.", "image": None, "buttons": []}
    assert (item["campaign"], item["priority"], item["trigger"], item["max_impressions"]) == ("hello", 10, "app_open", 1)
    assert item["not_before"].endswith("Z")
    assert await states(house) == ["delivered", "sent"]


async def test_an_unchanged_answer_is_not_sent_again(web: ClientSession, people: tuple[int, int]) -> None:
    headers = await token(web)
    _, _, tag = await ask(web, headers)
    for header in (tag, f'"other", W/{tag}', "*"):
        assert (await ask(web, headers | {"If-None-Match": header}))[::2] == (304, tag)
    assert (await ask(web, headers | {"If-None-Match": '"other"'}))[0] == 200


async def test_the_first_impression_consumes_what_is_shown_once(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    headers = await token(web)
    _, [item], _ = await ask(web, headers)
    seen = event(house, item["delivery_id"], "impression")
    assert await tell(web, headers, seen, seen) == ["accepted", "duplicate"]
    assert await tell(web, headers, seen) == ["duplicate"]
    assert (await ask(web, headers))[1] == []
    assert await states(house) == ["read", "sent"]
    assert [row.impressions for row in await rows(house.database, "SELECT impressions FROM popups ORDER BY person_id")] == [1, 0]


async def test_a_token_moves_nobody_elses_items(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    _, [other], _ = await ask(web, await token(web, 2))
    headers = await token(web, 1)
    told = [event(house, key, "impression") for key in (other["delivery_id"], "kabar-999999", "nonsense")]
    assert await tell(web, headers, *told) == ["unknown", "unknown", "unknown"]
    assert await states(house) == ["sent", "delivered"]


async def test_a_token_moves_no_message_of_another_channel(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE messages SET channel = 'email'"))
        await connection.execute(text("DELETE FROM popups"))
    [first, _] = await rows(house.database, "SELECT id FROM messages ORDER BY person_id")
    assert await tell(web, await token(web), event(house, f"kabar-{first.id}", "impression")) == ["unknown"]


async def test_another_trigger_gets_other_items(web: ClientSession, people: tuple[int, int]) -> None:
    assert (await ask(web, await token(web), trigger="after_trade"))[1] == []


async def test_what_is_paused_is_not_shown_until_it_is_resumed(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    headers = await token(web)
    for campaign, channel in ((None, None), (None, "popup"), ("hello", None), ("hello", "popup")):
        async with house.database.begin() as connection:
            await versions.pause(connection, campaign=campaign, channel=channel, reason="test", by="qa", now=house.clock.now())
        assert (await ask(web, headers))[1] == []
        async with house.database.begin() as connection:
            await versions.resume(connection, campaign=campaign, channel=channel, everything=False)
        assert len((await ask(web, headers))[1]) == 1


async def test_pauses_of_others_hold_nothing_back(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    async with house.database.begin() as connection:
        for campaign, channel in (("other", None), (None, "email"), ("hello", "push")):
            await versions.pause(connection, campaign=campaign, channel=channel, reason="test", by="qa", now=house.clock.now())
    assert len((await ask(web, await token(web)))[1]) == 1


async def test_an_opt_out_since_then_holds(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    async with house.database.begin() as connection:
        await suppressions.speak(
            connection, "opt_out", [(people[0], "popup", "test"), (people[1], "email", "test")], house.clock.now(), Source.OPERATOR
        )
    assert (await ask(web, await token(web, 1)))[1] == []
    assert len((await ask(web, await token(web, 2)))[1]) == 1


async def test_a_consent_withdrawn_since_then_holds_for_offers(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE people SET consents = '{}' WHERE id = :id"), {"id": people[0]})
    assert (await ask(web, await token(web, 1)))[1] == []


async def test_what_has_expired_is_not_shown(clock: VirtualClock, web: ClientSession, people: tuple[int, int]) -> None:
    clock.advance_to(clock.now() + timedelta(days=30))
    assert (await ask(web, await token(web)))[1] == []


async def test_a_token_ends(clock: VirtualClock, web: ClientSession, people: tuple[int, int]) -> None:
    headers = await token(web, ttl_s=60)
    clock.advance_to(clock.now() + timedelta(seconds=61))
    assert (await ask(web, headers))[0] == 401


async def test_only_our_own_token_for_pop_ups_opens_the_box(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    forged = house.signer.sign("unsubscribe", str(people[0]), "9999999999")
    for headers in ({}, AUTH, {"Authorization": "Bearer é"}, {"Authorization": f"Bearer {forged}"}):
        assert (await ask(web, headers))[0] == 401


async def test_a_token_lives_a_day_at_most(web: ClientSession) -> None:
    for ttl in (0, 86_401):
        async with web.post("/v1/popups/tokens", json={"customer_no": "C000001", "ttl_s": ttl}, headers=AUTH) as answer:
            assert answer.status == 422


async def test_a_token_is_given_for_known_customers_and_to_the_back_office_only(web: ClientSession, people: tuple[int, int]) -> None:
    async with web.post("/v1/popups/tokens", json={"customer_no": "C404"}, headers=AUTH) as answer:
        assert answer.status == 404
    async with web.post("/v1/popups/tokens", json={"customer_no": "C000001"}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    "change", [{"at": "2026-11-20T19:00:00"}, {"at": "0001-01-01T00:00:00Z"}, {"event_id": "1"}, {"type": "eaten"}, {"button_id": "A b"}]
)
async def test_an_event_of_another_shape_is_refused(
    house: House, web: ClientSession, people: tuple[int, int], change: dict[str, str]
) -> None:
    body = {"items": [event(house, "kabar-1", "click") | change]}
    async with web.post("/v1/popups/events", json=body, headers=await token(web)) as answer:
        assert answer.status == 422
        assert f"items.0.{next(iter(change))}" in (await answer.json())["message"]


async def test_an_app_whose_clock_runs_ahead_reads_no_message_in_the_future(
    house: House, web: ClientSession, people: tuple[int, int]
) -> None:
    headers = await token(web)
    _, [item], _ = await ask(web, headers)
    assert await tell(web, headers, event(house, item["delivery_id"], "impression", at="9999-12-31T23:59:59-12:00")) == ["accepted"]
    [row] = await rows(house.database, "SELECT read_at FROM messages WHERE read_at IS NOT NULL")
    assert row.read_at == house.clock.now()


async def test_reports_of_pushes_move_messages_forward(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    url = "/v1/receipts/push"
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE messages SET channel = 'push', status = 'sent'"))
    [first, second] = await rows(house.database, "SELECT id FROM messages ORDER BY person_id")
    opened, received = event(house, f"kabar-{first.id}", "open"), event(house, f"kabar-{first.id}", "received")
    lost = event(house, "kabar-0", "open")
    for items in ([opened, received, lost], [received, event(house, f"kabar-{second.id}", "received")]):
        async with web.post(url, json={"items": items}, headers=AUTH) as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "stored"})
    await apply_receipts(house, house.clock.now())
    assert await states(house) == ["read", "delivered"]


async def test_five_hundred_reports_fit_in_one_batch_and_no_more(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    many = [event(house, "kabar-999999999", "received", button_id="b" * 32) for _ in range(501)]
    async with web.post("/v1/receipts/push", json={"items": many[:500]}, headers=AUTH) as answer:
        assert answer.status == 200
    async with web.post("/v1/receipts/push", json={"items": many}, headers=AUTH) as answer:
        assert answer.status == 422
    async with web.post("/v1/receipts/push", json={"items": []}) as answer:
        assert answer.status == 401


async def test_a_test_comes_before_all_is_no_message_and_goes_with_its_first_impression(
    house: House, web: ClientSession, people: tuple[int, int]
) -> None:
    await house.tray.put(PopupItem(-1, people[0], {"title": "Percobaan", "body": "Halo"}, LATER))
    key = await lay_ready_test(house, "C000001", "hello", -1)
    before = await rows(house.database, "SELECT count(*) AS n FROM messages")
    _, [item], _ = await ask(web, await token(web, 1))
    assert (item["delivery_id"], item["content"]["title"]) == (key, "Percobaan")
    assert await tell(web, await token(web, 2), event(house, key, "impression")) == ["unknown"]
    assert await tell(web, await token(web, 1), event(house, key, "impression"), event(house, key, "dismiss")) == ["accepted", "accepted"]
    _, [item], _ = await ask(web, await token(web, 1))
    assert item["content"]["title"] == "Halo Budi"
    assert await rows(house.database, "SELECT count(*) AS n FROM messages") == before
