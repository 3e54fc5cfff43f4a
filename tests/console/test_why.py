"""`kabar why` says in plain words what became of each message, and why."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console
from sqlalchemy import insert, text

from config.problems import ConfigError
from console.cli.reasons import REASONS, explain
from console.cli.why import as_json, show, tell
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.valve import valve
from rules.facts import Code
from store import tables
from store.timeline import masked
from tests.console.telling import GONE, START, execute, planned, told
from tests.world import campaign, person


async def test_an_unknown_customer_is_named(house: House) -> None:
    with pytest.raises(ConfigError, match='there is no customer "C000009"'):
        await tell(house, "C000009", START)


async def test_before_a_configuration_is_published_nobody_is_said_to_be_in_no_segment(house: House) -> None:
    await person(house.database, 1)
    _, page = await told(house, START)
    assert "segments       not known until a configuration is published" in page
    assert "no message was ever planned for this person" in page


async def test_a_message_before_its_window_says_when_it_goes(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign())
    _, page = await told(house, START)
    assert "segments       regular" in page
    assert "time zone      Asia/Jakarta" in page
    assert "hello by push: queued" in page
    assert "goes at the next opening, Fri 20 Nov 19:00, unless a more important message takes its place" in page
    assert "budi@" not in page
    assert "c1@example.com" not in page


async def test_what_the_valve_decided_is_told_with_the_line_that_said_so(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1, sorts=("push",))
    await planned(
        house, clock, campaign("first", category="reminder"), campaign("second", category="info"), campaign("mail", channels="[email]")
    )
    evening = START + timedelta(minutes=15)
    await valve(house, evening)
    await execute(house, GONE, at=evening)
    _, page = await told(house, evening)
    assert "Fri 20 Nov 19:00  released: every rule lets it go" in page
    assert "waits until Fri 20 Nov 21:00: less than 2h after first by push, Fri 20 Nov 19:00 (message" in page
    assert "[config/rules.yaml:6]" in page
    assert "not sent: no address that works for email" in page
    assert "as things stand it goes Sat 21 Nov 10:00 at the earliest: no more than 1 message by push a day (the cap push:1/day)" in page


async def test_times_are_the_persons_own(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1, timezone="Asia/Jayapura", contact_hours="daily 21:00-22:00")
    await planned(house, clock, campaign())
    story, page = await told(house, START)
    assert "contact hours  daily 21:00-22:00" in page
    assert "goes at the next opening, Fri 20 Nov 21:00" in page  # 19:00 in Jakarta
    assert story.zone.key == "Asia/Jayapura"


async def test_attempts_receipts_and_clicks_are_told_in_order(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign())
    evening = START + timedelta(minutes=15)
    await valve(house, evening)
    moments = [evening + timedelta(seconds=n) for n in range(1, 40)]
    async with house.database.begin() as connection:
        address = (await connection.execute(text("SELECT id FROM addresses WHERE sort = 'push'"))).scalar_one()
        for moment, outcome, code in ((moments[0], "retry", "UNAVAILABLE"), (moments[20], "sent", None)):
            values = {"message_id": 1, "address_id": address, "at": moment, "outcome": outcome, "code": code}
            await connection.execute(insert(tables.attempts).values(**values))
        await connection.execute(insert(tables.interactions).values(event_id="e", message_id=1, kind="clicked", at=moments[30]))
    step = f'[{{"at": "{moments[0].isoformat()}", "is": "deferred", "why": "retry:UNAVAILABLE", "until": "{moments[19].isoformat()}"}}]'
    await execute(
        house,
        "UPDATE messages SET status = 'read', trail = trail || CAST(:step AS jsonb), sent_at = :sent, delivered_at = :got, read_at = :read",
        step=step,
        sent=moments[20],
        got=moments[20].replace(second=0),
        read=moments[30],
    )
    story, _ = await told(house, evening)
    assert [line.text for line in story.tales[0].lines[1:]] == [
        "released: every rule lets it go",
        "the provider could not take it now (android): UNAVAILABLE",
        "waited 19s: the provider could not take it (UNAVAILABLE), and is asked again then",
        "accepted by the provider (android)",
        "delivered",
        "read",
        "opened from the message",
    ]


async def test_one_campaign_alone_is_told_on_request_and_json_says_the_same(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign("first"), campaign("second"))
    assert "no message of this campaign; there are some of first, second" in (await told(house, START, only="secnd"))[1]
    story, _ = await told(house, START, only="second")
    document = as_json(story)
    assert [each["campaign"] for each in document["messages"]] == ["second"]
    assert document["messages"][0]["events"][0]["at"].endswith("+00:00")
    assert {each["address"] for each in document["addresses"]} == {"…", "+62…0001", "c…@example.com"}


async def test_what_is_stopped_or_not_approved_says_how_it_goes_on(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign("gift", category="promo"), campaign("note", channels="[email]"))
    await execute(house, "DELETE FROM approvals")
    await execute(house, "INSERT INTO pauses (channel, reason, set_by, set_at) VALUES ('email', 'typo', 'dewi', :now)", now=START)
    _, page = await told(house, START)
    assert "waits for its content to be approved: `kabar approve gift --by NAME`  [config/rules.yaml:11]" in page
    assert "stopped by dewi since Fri 20 Nov 18:45 (typo); goes on after `kabar resume`" in page


async def test_a_wait_of_seconds_before_another_decision_is_left_out(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign())
    evening = START + timedelta(minutes=15)
    steps = [
        {"at": evening.isoformat(), "is": "deferred", "why": "gap:7", "until": (evening + timedelta(seconds=4)).isoformat()},
        {"at": (evening + timedelta(seconds=4)).isoformat(), "is": "released"},
    ]
    await execute(house, "UPDATE messages SET status = 'released', trail = CAST(:steps AS jsonb)", steps=json.dumps(steps))
    story, page = await told(house, evening)
    assert [line.text for line in story.tales[0].lines[1:]] == ["released: every rule lets it go"]
    assert "on its way" in page


async def test_a_replay_names_who_did_it_and_what_had_failed(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign())
    step = [{"at": START.isoformat(), "is": "replayed", "why": "tries_used_up:UNAVAILABLE", "by": "sari"}]
    await execute(house, "UPDATE messages SET reason = 'replayed', trail = CAST(:steps AS jsonb)", steps=json.dumps(step))
    _, page = await told(house, START)
    assert "put back into the queue by sari; it had failed: tried as often as is allowed; the provider's last word: UNAVAILABLE" in page


async def test_a_message_inside_another_names_it_and_the_other_names_what_it_carried(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign("carrier"), campaign("rider"))
    step = [{"at": START.isoformat(), "is": "merged", "why": "digest:1"}]
    released = "UPDATE messages SET status = 'released', released_at = :now WHERE id = 1"
    await execute(house, released, now=START)
    merged = "UPDATE messages SET status = 'merged', reason = 'digest:1', carrier_id = 1, trail = CAST(:steps AS jsonb) WHERE id = 2"
    await execute(house, merged, steps=json.dumps(step))
    _, page = await told(house, START, only="rider")
    assert "not sent by itself: carried by carrier by push, Fri 20 Nov 18:45 (message 1)" in page
    assert "goes inside carrier by push, Fri 20 Nov 18:45 (message 1), when that goes" in page
    await execute(house, "UPDATE messages SET status = 'sent', sent_at = :now WHERE id = 1", now=START + timedelta(minutes=1))
    _, page = await told(house, START + timedelta(minutes=2))
    assert "Fri 20 Nov 18:46  carried 1 more: rider (message 2)" in page
    assert "not sent by itself: carried by carrier by push, Fri 20 Nov 18:46 (message 1)" in page
    assert "goes inside" not in page


async def test_a_message_that_was_not_carried_says_who_should_have(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign("carrier"), campaign("rider"))
    step = [{"at": START.isoformat(), "is": "put_back", "why": "not_carried:1"}]
    await execute(house, "UPDATE messages SET reason = 'not_carried:1', trail = CAST(:steps AS jsonb) WHERE id = 2", steps=json.dumps(step))
    _, page = await told(house, START, only="rider")
    assert (
        "put back into the queue: the message that was to carry it did not go, or could not take it along: carrier by push (message 1)"
        in page
    )


async def test_what_never_had_its_turn_says_so(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign(expires="10m"))
    await valve(house, START + timedelta(minutes=15))
    _, page = await told(house, START + timedelta(minutes=15))
    assert "not sent: its window did not open before it was worthless, or it was held back until then" in page


async def test_on_a_terminal_no_word_is_cut_and_what_goes_on_stands_below_its_beginning(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await planned(house, clock, campaign("class"))
    page = StringIO()
    show(await tell(house, "C000001", START), Console(width=60, file=page, force_terminal=True, color_system=None))
    lines = [line.rstrip() for line in page.getvalue().splitlines()]
    planned_at = next(number for number, line in enumerate(lines) if "planned" in line)
    assert lines[planned_at].startswith("  Fri 20 Nov 18:45  planned, to go by ")
    assert lines[planned_at + 1].startswith(" " * 20)
    assert max(map(len, lines)) <= 60


def test_every_code_of_the_rules_has_a_sentence() -> None:
    assert {str(code) for code in Code} <= REASONS.keys()


def test_a_reason_nobody_knows_is_shown_as_it_is() -> None:
    assert explain("131026", category="promo", campaign="x", config=None, other=str).text == "131026"


def test_what_expired_says_what_it_waited_for() -> None:
    found = explain("expired_after:gap:17", category="promo", campaign="x", config=None, other=lambda message: f"message {message}")
    assert found.text == "it was worthless by then; what it waited for last: less than the gap after message 17"


def test_addresses_are_masked() -> None:
    assert [masked("email", "budi@example.com"), masked("phone", "+628120000001"), masked("push", "abcdefghij")] == [
        "b…i@example.com",
        "+62…0001",
        "…ghij",
    ]
