"""`kabar why` of a message that waits: for whom, until when, and what comes next."""

from __future__ import annotations

from datetime import timedelta

from console.cli.reasons import explain
from console.cli.why import as_json
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.valve import valve
from tests.console.telling import GONE, START, execute, planned, told
from tests.world import RULES, campaign, configure, files, person

EVENING = START + timedelta(minutes=15)
LATER = RULES.replace("any-time: always", 'from-eight: {weekdays: "20:00-21:30"}')


async def test_what_waits_for_a_more_important_message_names_it_and_its_hour(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    greater, lesser = campaign("greater", window="from-eight"), campaign("lesser", category="info", channels="[email]")
    await planned(house, clock, greater, lesser, rules=LATER)
    await valve(house, EVENING)
    _, page = await told(house, EVENING, only="lesser")
    assert "waits until Fri 20 Nov 20:00: greater by push (message 1) is more important and goes first  [config/rules.yaml:10]" in page
    assert "goes at the next opening, Fri 20 Nov 20:00, unless greater by push (message 1), which goes first, takes its place" in page
    _, page = await told(house, EVENING, only="greater")
    assert "goes at the next opening, Fri 20 Nov 20:00, unless a more important message takes its place" in page


async def test_a_more_important_message_that_comes_on_another_day_is_not_named(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    greater, lesser = campaign("greater", window="from-eight"), campaign("lesser", category="info", channels="[email]")
    await planned(house, clock, greater, lesser, rules=LATER.replace('weekdays: "20:00', 'sat: "20:00'))
    _, page = await told(house, START, only="lesser")
    assert "goes at the next opening, Fri 20 Nov 19:00, unless a more important message takes its place" in page


async def test_a_message_that_is_stopped_is_not_named_as_one_that_goes_first(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign("greater"), campaign("lesser", category="info", channels="[email]"))
    await execute(house, "INSERT INTO pauses (campaign, reason, set_by, set_at) VALUES ('greater', '', 'dewi', :now)", now=START)
    _, page = await told(house, START)
    assert "goes at the next opening, Fri 20 Nov 19:00, unless a more important message takes its place" in page
    assert "stopped by dewi since Fri 20 Nov 18:45; goes on after `kabar resume`" in page


async def test_a_wait_that_the_rules_cut_short_says_that_it_was_to_be_longer(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    campaigns = campaign("greater"), campaign("lesser", category="info", channels="[email]")
    await planned(house, clock, *campaigns)
    await valve(house, EVENING)
    await execute(house, GONE, at=EVENING)
    await configure(house, files(*campaigns, rules=RULES.replace("gap: 2h", "gap: 1h")))
    await valve(house, EVENING + timedelta(minutes=5))
    story, page = await told(house, EVENING + timedelta(minutes=5), only="lesser")
    assert "was to wait until Fri 20 Nov 21:00: less than 1h after greater by push, Fri 20 Nov 19:00 (message 1)" in page
    assert "waits until Fri 20 Nov 20:00: less than 1h after greater by push, Fri 20 Nov 19:00 (message 1)" in page
    _, *steps = as_json(story)["messages"][0]["events"]
    assert [(step["decision"], step["reason"], step["until"][11:16]) for step in steps] == [
        ("deferred", "gap:1", "14:00"),
        ("deferred", "gap:1", "13:00"),
    ]


async def test_patience_is_told_from_the_start_and_when_it_is_over(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign("short", queue_for="10m"), campaign("long", channels="[email]", category="info", queue_for="1h"))
    _, page = await told(house, START, only="long")
    assert "waits for the rules until Fri 20 Nov 19:45 at the most, worthless after Fri 27 Nov 18:45" in page
    await valve(house, EVENING)
    _, page = await told(house, EVENING, only="short")
    assert "not sent: it had waited as long as its campaign lets it (queue_for)  [config/schedules/c0.yaml:8]" in page


async def test_who_is_in_a_control_group_gets_nothing_on_purpose(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign(control="{share: 99.99%}"))
    _, page = await told(house, START)
    assert "hello by push: suppressed" in page
    assert "not sent: in the control group: gets nothing on purpose  [config/schedules/c0.yaml:8]" in page


async def test_a_pop_up_that_lies_ready_waits_for_the_app(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign(channels="[popup]", expires="1d"))
    await execute(house, "UPDATE messages SET status = 'sent', released_at = :now, sent_at = :now", now=START)
    assert "shown when the app is opened, one pop-up at a time; worthless after Sat 21 Nov 18:45" in (await told(house, START))[1]
    assert "shown when" not in (await told(house, START + timedelta(days=1)))[1]


def test_a_reason_without_a_message_speaks_of_another_one() -> None:
    said = [
        explain(code, category="", campaign="", config=None, other=str).text for code in ("gap", "same_topic", "pending_higher_priority")
    ]
    assert said == [
        "less than the gap after another message",
        "less than the distance set after another message, which is on the same topic",
        "another message is more important and goes first",
    ]
