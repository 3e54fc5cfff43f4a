"""At most one pop-up is visible to a person: the most important first, and a distance between two."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from jobs.clock import VirtualClock
from jobs.house import House
from jobs.popups import offer
from jobs.queue import drain, make_app
from scheduler.accounts import open_accounts
from tests.http.app import event, tell, token
from tests.world import RULES, TEMPLATE, campaign, configure, files, person, play, rows

GAP = timedelta(minutes=10)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
CALM = RULES.replace("gap: 2h", "gap: 0s, popup_gap: 10m")
TRADE = TEMPLATE.replace("template: hello", "template: trade").replace("popup: {", "popup: {trigger: after_trade, ")
TWICE = TEMPLATE.replace("template: hello", "template: twice").replace("popup: {", "popup: {max_impressions: 2, ")


@dataclass
class Phone:
    """The apps of customer 1, and the clock in our hand."""

    house: House
    clock: VirtualClock
    web: ClientSession
    headers: dict[str, str]

    async def ask(self, trigger: str = "app_open", device: str | None = None, **headers: str) -> tuple[int, str | None, int, str]:
        """(HTTP status, campaign offered or None, poll_after_s, ETag)."""
        query = {"trigger": trigger} | ({"device": device} if device else {})
        async with self.web.get("/v1/popups", headers=self.headers | headers, params=query) as answer:
            body: dict[str, Any] = await answer.json() if answer.status == 200 else {"items": [], "poll_after_s": 0}
            names = [item["campaign"] for item in body["items"]]
            assert len(names) <= 1
            return answer.status, names[0] if names else None, body["poll_after_s"], answer.headers["ETag"]

    async def sees(self, trigger: str = "app_open", device: str | None = None) -> str | None:
        return (await self.ask(trigger, device))[1]

    async def tells(self, name: str, kind: str, ago: timedelta = timedelta(0)) -> None:
        """What became of a campaign's pop-up, so long ago."""
        [found] = await rows(
            self.house.database,
            "SELECT m.id FROM messages m JOIN runs r ON r.id = m.run_id WHERE r.campaign = :name AND m.person_id = 1",
            name=name,
        )
        told = event(self.house, f"kabar-{found.id}", kind, at=(self.clock.now() - ago).isoformat())
        assert await tell(self.web, self.headers, told) == ["accepted"]

    def later(self, by: timedelta) -> None:
        self.clock.advance_to(self.clock.now() + by)

    async def configured(self, rules: str = CALM) -> None:
        """Ranked: `urgent` is planned after the others, at 19:30."""
        written = files(
            campaign("lesser", category="info", channels="[popup]"),
            campaign("first", channels="[popup]", template="twice", expires="2d"),
            campaign("trade", channels="[popup]", template="trade"),
            campaign("urgent", category="service", channels="[popup]", when='{at: "2026-11-20 19:30"}'),
            rules=rules,
        )
        await configure(self.house, written | {"templates/trade.yaml": TRADE, "templates/twice.yaml": TWICE})

    async def until(self, by: timedelta) -> None:
        """Let the house work, so that what falls due lies ready."""
        sending = replace(self.house, accounts=await open_accounts(self.house))
        app = make_app(sending)

        async def send() -> None:
            await drain(app, ["popup"], 2)

        async with app.open_async():
            await play(sending, self.clock, self.clock.now() + by, send)


@pytest.fixture
async def phone(house: House, clock: VirtualClock, web: ClientSession) -> Phone:
    """19:10, and two people with three pop-ups ready: reminders `first` (two impressions) and `trade` (after a trade), and `lesser`."""
    assert await person(house.database, 1) == 1
    await person(house.database, 2)
    ready = Phone(house, clock, web, {})
    await ready.configured()
    ready.headers = await token(web, ttl_s=86_400)
    await ready.until(timedelta(minutes=40))
    return ready


async def test_only_the_most_important_is_offered_and_only_it_is_delivered(phone: Phone) -> None:
    assert (await phone.ask())[1:3] == ("first", 300)
    found = await rows(
        phone.house.database, "SELECT r.campaign FROM messages m JOIN runs r ON r.id = m.run_id WHERE m.status = 'delivered'"
    )
    assert [row.campaign for row in found] == ["first"]


async def test_the_same_is_offered_again_and_nothing_else_while_an_app_may_be_showing_it(phone: Phone) -> None:
    assert await phone.sees() == "first"
    await phone.until(25 * MINUTE)  # urgent lies ready
    phone.clock.advance_to(phone.clock.now() + SECOND)
    assert await phone.sees() == "urgent"
    assert await phone.sees("after_trade") is None
    assert await phone.sees() == "urgent"


async def test_a_more_important_one_does_not_take_the_screen_of_one_that_was_just_offered(phone: Phone) -> None:
    await phone.until(20 * MINUTE - SECOND)
    assert await phone.sees() == "first"
    await phone.until(2 * SECOND)
    assert await phone.sees() == "first"
    await phone.tells("first", "dismiss")
    phone.later(GAP)
    assert await phone.sees() == "urgent"


async def test_another_waits_for_the_gap_after_the_last_impression_and_the_answer_says_how_long(phone: Phone) -> None:
    assert await phone.sees() == "first"
    await phone.tells("first", "impression")
    await phone.tells("first", "dismiss")
    phone.later(SECOND)
    assert (await phone.ask())[1:3] == (None, 599)
    phone.later(GAP - 2 * SECOND)
    assert (await phone.ask("after_trade"))[1:3] == (None, 1)
    phone.later(SECOND)
    assert await phone.sees("after_trade") == "trade"
    assert await phone.sees() is None


async def test_the_tag_changes_with_the_answer_when_the_gap_begins_and_ends(phone: Phone) -> None:
    *_, tag = await phone.ask()
    assert (await phone.ask(**{"If-None-Match": tag}))[0] == 304
    await phone.tells("first", "dismiss")
    status, name, _, silent = await phone.ask(**{"If-None-Match": tag})
    assert (status, name) == (200, None)
    phone.later(GAP)
    status, name, *_ = await phone.ask(**{"If-None-Match": silent})
    assert (status, name) == (200, "lesser")


async def test_one_that_may_be_shown_again_is_the_only_one_while_it_is_on_the_screen(phone: Phone) -> None:
    await phone.configured(CALM.replace("popup_gap: 10m", "popup_gap: 0s"))
    assert await phone.sees() == "first"
    await phone.tells("first", "impression")
    phone.later(5 * MINUTE - SECOND)
    assert await phone.sees("after_trade") is None
    assert await phone.sees() == "first"
    await phone.tells("first", "click")
    assert await phone.sees("after_trade") == "trade"


async def test_one_that_is_used_up_keeps_others_away_until_it_is_dismissed_or_five_minutes_have_passed(phone: Phone) -> None:
    await phone.configured(CALM.replace("popup_gap: 10m", "popup_gap: 0s"))
    assert await phone.sees("after_trade") == "trade"
    await phone.tells("trade", "impression")
    assert await phone.sees() is None
    await phone.tells("trade", "dismiss")
    assert await phone.sees() == "first"
    for _ in range(2):
        await phone.tells("first", "impression")
    phone.later(5 * MINUTE - SECOND)
    assert (await phone.ask())[1:3] == (None, 1)
    phone.later(SECOND)
    assert await phone.sees() == "lesser"


async def test_one_that_was_offered_and_never_told_of_gives_way_when_it_can_be_on_no_screen(phone: Phone) -> None:
    assert await phone.sees("after_trade") == "trade"
    phone.later(GAP + MINUTE - SECOND)
    assert (await phone.ask())[1:3] == (None, 1)
    phone.later(SECOND)
    assert await phone.sees() == "first"


async def test_an_impression_told_of_late_counts_from_when_it_was_made(phone: Phone) -> None:
    assert await phone.sees("after_trade") == "trade"
    phone.later(8 * MINUTE)
    await phone.tells("trade", "impression", ago=7 * MINUTE)
    assert (await phone.ask())[1:3] == (None, 3 * 60)
    phone.later(3 * MINUTE)
    assert await phone.sees() == "first"


async def test_one_that_an_app_cannot_show_steps_back_for_a_while(phone: Phone) -> None:
    assert await phone.sees() == "first"
    phone.later(SECOND)
    await phone.tells("first", "error")
    assert await phone.sees() == "lesser"
    await phone.tells("lesser", "dismiss")
    phone.later(15 * MINUTE)
    assert await phone.sees() == "first"


async def test_the_gap_is_that_of_the_newest_rules(phone: Phone) -> None:
    assert await phone.sees("after_trade") == "trade"
    await phone.tells("trade", "dismiss")
    phone.later(MINUTE)
    assert await phone.sees() is None
    await phone.configured(CALM.replace("popup_gap: 10m", "popup_gap: 1m"))
    assert await phone.sees() == "first"


async def test_importance_is_that_of_the_newest_rules(phone: Phone) -> None:
    await phone.configured(CALM.replace("reminder: {priority: 50}", "reminder: {priority: 20}"))
    assert await phone.sees() == "lesser"


async def test_of_equals_the_one_that_expires_earlier_goes_first_then_the_older(phone: Phone) -> None:
    async def offered() -> str:
        item = (await offer(phone.house, 1, "app_open", phone.clock.now())).item
        assert item is not None
        return str(item.campaign)

    await phone.configured(CALM.replace("info: {priority: 30}", "info: {priority: 50}"))
    assert await offered() == "first"  # 2 days, the other 7
    await phone.tells("first", "error")
    assert await offered() == "lesser"


async def test_apps_of_one_person_that_ask_at_once_are_never_told_of_two(phone: Phone) -> None:
    triggers = ["app_open", "after_trade"] * 8
    found = {name for name in await asyncio.gather(*(phone.sees(trigger) for trigger in triggers)) if name}
    assert len(found) == 1


async def test_the_screen_of_one_person_is_nothing_to_another(phone: Phone) -> None:
    assert await phone.sees("after_trade") == "trade"
    assert await phone.sees() is None
    phone.headers = await token(phone.web, 2)
    assert await phone.sees() == "first"


async def test_of_devices_that_ask_at_once_one_is_given_it(phone: Phone) -> None:
    devices = [f"device-{number}" for number in range(12)]
    answers = await asyncio.gather(*(phone.sees(device=device) for device in devices))
    assert list(filter(None, answers)) == ["first"]
    owner = devices[[answer is not None for answer in answers].index(True)]
    assert await phone.sees(device=owner) == "first"


async def test_another_device_gets_it_when_the_first_can_show_it_no_more(phone: Phone) -> None:
    assert await phone.sees(device="phone") == "first"
    assert (await phone.ask(device="tablet"))[1:3] == (None, 60)
    phone.later(MINUTE)
    assert await phone.sees(device="tablet") == "first"
    assert await phone.sees(device="phone") is None
    await phone.tells("first", "impression")
    phone.later(5 * MINUTE - SECOND)
    assert await phone.sees(device="phone") is None
    phone.later(SECOND)
    assert await phone.sees(device="phone") == "first"


async def test_impressions_told_at_once_by_several_devices_consume_it_once(phone: Phone) -> None:
    assert await phone.sees("after_trade") == "trade"
    await asyncio.gather(*(phone.tells("trade", "impression") for _ in range(8)))
    [row] = await rows(phone.house.database, "SELECT impressions FROM popups WHERE closed_at IS NOT NULL")
    assert row.impressions == 1
    assert await phone.sees("after_trade") is None


async def test_one_whose_own_interval_has_not_passed_is_not_shown_again(phone: Phone) -> None:
    assert await phone.sees() == "first"
    await phone.tells("first", "impression")
    phone.later(29 * SECOND)
    assert (await phone.ask())[1:3] == (None, 1)
    phone.later(SECOND)
    assert await phone.sees() == "first"
