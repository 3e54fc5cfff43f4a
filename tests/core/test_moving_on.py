"""`first: [whatsapp, email]`: who cannot be reached by one is tried by the next, once, and never by both."""

from __future__ import annotations

import itertools

import pytest

from channels.base import Rejected, Retry
from channels.sandbox.faults import Rule
from jobs.audit import examine
from jobs.settlement import combine
from jobs.valve import valve
from jobs.withdrawal import opt_out
from scheduler.ticks import fire_and_plan
from store import suppressions
from tests.core.conftest import Stage
from tests.core.digests import fates, promo, world
from tests.core.webhooks import receive, status
from tests.world import ALL_CHANNELS, RULES, at, campaign, configure, files, person, rows, statuses

FIRST = "{first: [whatsapp, email]}"
ABSENT = Rule(channel="whatsapp", kind="131026")


async def _world(stage: Stage, *faults: Rule, rules: str = RULES, **changes: str) -> None:
    await configure(stage.house, files(campaign(**({"channels": FIRST} | changes)), rules=rules))
    for fault in faults:
        stage.provider.faults.add(fault)


def _copies(stage: Stage) -> tuple[int, int]:
    return len(stage.delivered("whatsapp")), len(stage.delivered("email"))


async def test_who_is_not_on_whatsapp_gets_the_mail(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await _world(stage, ABSENT)
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [("C000001", "email", "sent", None)]
    assert _copies(stage) == (0, 1)
    [row] = await rows(stage.house.database, "SELECT attempts, fallback, fence, trail FROM messages")
    assert (row.attempts, row.fallback, row.fence) == (1, [], 2)
    assert [(step["is"], step.get("why"), step.get("to")) for step in row.trail] == [
        ("released", None, None),
        ("moved_on", "moved_on:whatsapp:131026", "email"),
        ("released", None, None),
    ]


async def test_a_refusal_that_comes_hours_later_moves_on_once_however_often_and_shuffled_it_is_told(stage: Stage) -> None:
    for number in range(1, 7):
        await person(stage.house.database, number)
    await _world(stage)
    await stage.until("2026-11-20 20:05")
    found = [row.id for row in await rows(stage.house.database, "SELECT id FROM messages WHERE status = 'sent' ORDER BY id")]
    assert [row.status for row in await rows(stage.house.database, "SELECT status FROM runs")] == ["finished"]
    for message, order in zip(found, itertools.permutations(["sent", "failed", "failed"]), strict=True):
        for word in order:
            await receive(stage, status(stage, message, word, *([131026] if word == "failed" else [])))
            await stage.now()  # the mail leaves between two receipts
    assert {row[1:] for row in await statuses(stage.house.database)} == {("email", "sent", None)}
    assert _copies(stage) == (6, 6)
    await receive(stage, *(status(stage, message, "read") for message in found))
    assert {row[2] for row in await statuses(stage.house.database)} == {"sent"}  # nobody read the mail


@pytest.mark.parametrize("order", [("failed", "read"), ("read", "failed"), ("failed", "sent", "read", "failed")])
async def test_what_arrived_after_all_is_not_sent_again_whatever_was_told_first(stage: Stage, order: tuple[str, ...]) -> None:
    await person(stage.house.database, 1)
    await _world(stage)
    await stage.until("2026-11-20 21:35")  # the window is closed, so a mail would wait
    [row] = await rows(stage.house.database, "SELECT id, sent_at, released_at FROM messages")
    for word in order:
        await receive(stage, status(stage, row.id, word, *([131026] if word == "failed" else [])))
    await stage.until("2026-11-21 12:00")
    [found] = await rows(stage.house.database, "SELECT channel, status, sent_at, released_at FROM messages")
    assert (found.channel, found.status, found.sent_at, found.released_at) == ("whatsapp", "read", row.sent_at, row.released_at)
    assert _copies(stage) == (1, 0)
    assert (await examine(stage.house)).counts == {}


async def test_what_may_have_gone_out_moves_on_only_at_the_providers_word(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await _world(stage, Rule(channel="whatsapp", kind="drop_after", times=1))
    await stage.until("2026-11-20 20:00")
    [(_, channel, state, _)] = await statuses(stage.house.database)
    assert (channel, state, _copies(stage)) == ("whatsapp", "unknown", (1, 0))
    [row] = await rows(stage.house.database, "SELECT id FROM messages")
    await receive(stage, status(stage, row.id, "failed", 131026))
    await stage.now()
    assert await statuses(stage.house.database) == [("C000001", "email", "sent", None)]


async def test_a_doubtful_send_that_is_repeated_stays_on_its_channel(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await _world(stage, Rule(channel="whatsapp", kind="drop_after", times=1), ABSENT, category="service")
    await stage.until("2026-11-20 19:00")
    [(_, channel, state, reason)] = await statuses(stage.house.database)
    assert (channel, state, reason) == ("whatsapp", "unknown", "in_doubt:131026")
    assert _copies(stage) == (1, 0)


@pytest.mark.parametrize(("agreed", "expected"), [(True, ("email", "sent", None)), (False, ("email", "suppressed", "no_consent:email"))])
async def test_who_wants_no_offers_on_whatsapp_gets_the_mail_only_with_consent_to_it(
    stage: Stage, agreed: bool, expected: tuple[str, str, str | None]
) -> None:
    consents = {name: {"marketing": agreed or name != "email", "hours": "always"} for name in ALL_CHANNELS}
    await person(stage.house.database, 1, consents=consents)
    await _world(stage, Rule(channel="whatsapp", kind="131050"), category="promo")
    await stage.until("2026-11-20 19:05")
    assert [row[1:] for row in await statuses(stage.house.database)] == [expected]
    assert [row.channel for row in await rows(stage.house.database, "SELECT channel FROM suppressions")] == ["whatsapp"]


async def test_the_next_channel_has_its_own_caps(stage: Stage) -> None:
    await person(stage.house.database, 1)
    capped = RULES.replace("{channel: push, max: 1, per: day}", "{channel: email, max: 1, per: day}").replace("gap: 2h", "gap: 0s")
    other = campaign("other", channels="[email]", topic="other")
    await configure(stage.house, files(other, campaign(channels=FIRST, category="info"), rules=capped))
    stage.provider.faults.add(ABSENT)
    await stage.until("2026-11-20 21:00")
    assert await statuses(stage.house.database) == [
        ("C000001", "email", "sent", None),
        ("C000001", "email", "deferred", "cap:email:1/day"),
    ]
    await stage.until("2026-11-21 10:05")
    assert [row[2] for row in await statuses(stage.house.database)] == ["sent", "sent"]


async def test_a_refused_contact_counts_against_nobody(stage: Stage) -> None:
    await person(stage.house.database, 1, sorts=("phone", "push"))
    following = campaign("next", category="info", when='{at: "2026-11-20 19:10"}')
    await configure(stage.house, files(campaign(channels=FIRST), following))
    stage.provider.faults.add(ABSENT)
    await stage.until("2026-11-20 19:15")  # the gap is two hours
    assert [row[1:] for row in await statuses(stage.house.database)] == [
        ("email", "suppressed", "no_address:email"),
        ("push", "sent", None),
    ]


async def test_what_a_provider_never_took_goes_by_the_next_channel_when_the_tries_are_used_up(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await _world(stage, Rule(channel="whatsapp", kind="131000"), window="any-time")
    await stage.until("2026-11-21 06:00")
    assert await statuses(stage.house.database) == [("C000001", "email", "sent", None)]
    [row] = await rows(stage.house.database, "SELECT trail -> -2 ->> 'why' AS why FROM messages")
    assert row.why == "moved_on:whatsapp:tries_used_up:131000"


async def test_content_that_is_refused_is_not_tried_elsewhere(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await _world(stage, Rule(channel="whatsapp", kind="132015"))
    await stage.until("2026-11-20 19:05")
    assert [row[1:3] for row in await statuses(stage.house.database)] == [("whatsapp", "failed")]


async def test_a_refusal_after_the_message_is_worthless_changes_nothing_more(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await _world(stage, expires="1h")
    await stage.until("2026-11-20 19:50")
    [row] = await rows(stage.house.database, "SELECT id FROM messages")
    await receive(stage, status(stage, row.id, "failed", 131026))
    await stage.now()
    assert await statuses(stage.house.database) == [("C000001", "whatsapp", "failed", "131026")]


async def test_a_person_all_of_whose_devices_are_dead_gets_the_mail(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await _world(stage, Rule(channel="push", kind="UNREGISTERED"), channels="{first: [push, email]}")
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [("C000001", "email", "sent", None)]


async def test_an_address_that_dies_between_release_and_claim_is_no_end(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await _world(stage, window="any-time")
    await fire_and_plan(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:45"))
    await fire_and_plan(stage.house, stage.clock.now())
    await valve(stage.house, stage.clock.now())
    async with stage.house.database.begin() as connection:
        [phone] = (await connection.exec_driver_sql("SELECT id FROM addresses WHERE sort = 'phone'")).scalars()
        await suppressions.drop_by_id(connection, [(phone, "131026", "a bounce")], stage.clock.now())
    await stage.now()
    assert await statuses(stage.house.database) == [("C000001", "email", "sent", None)]


async def test_who_opts_out_after_the_release_gets_the_offer_by_the_channel_that_is_left(stage: Stage) -> None:
    person_id = await person(stage.house.database, 1)
    await _world(stage, window="any-time", category="promo")
    await fire_and_plan(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:45"))
    await fire_and_plan(stage.house, stage.clock.now())
    assert (await valve(stage.house, stage.clock.now())).released == 1
    async with stage.house.database.begin() as connection:
        await opt_out(stage.house, connection, [(person_id, "whatsapp", "STOP")], stage.clock.now())
    await stage.now()
    assert await statuses(stage.house.database) == [("C000001", "email", "sent", None)]
    assert _copies(stage) == (0, 1)


async def test_what_a_message_carried_waits_again_when_it_moves_on(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*(promo(name, channels=FIRST) for name in ("a", "b"))))
    stage.provider.faults.add(ABSENT)
    await stage.until("2026-11-20 19:05")
    assert {name: fate[0] for name, fate in (await fates(stage)).items()} == {"a": "sent", "b": "deferred"}
    [rider] = await rows(stage.house.database, "SELECT channel, fallback, trail FROM messages WHERE status = 'deferred'")
    assert [step["is"] for step in rider.trail] == ["merged", "put_back", "deferred"]  # by itself, with channels of its own
    assert (rider.channel, rider.fallback) == ("whatsapp", ["email"])


def test_a_device_that_is_there_keeps_the_message_on_its_channel() -> None:
    gone, refused = Rejected("UNREGISTERED", drop_address=True), Rejected("INVALID_ARGUMENT")
    for outcomes in itertools.permutations([gone, refused, gone]):
        assert combine(outcomes) is refused
    assert isinstance(combine([gone, Retry("UNAVAILABLE")]), Retry)
