"""`then: {channel: email, after: 2h, unless: read}`: who does not answer gets it once more, once, and not who does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from channels.sandbox.faults import Rule
from jobs.dispatch import dispatch
from jobs.escalation import escalate
from jobs.interactions import Interaction, interact
from jobs.links import message_key
from jobs.reconcile import reconcile
from jobs.valve import valve
from store import replay, versions
from tests.core.conftest import Stage
from tests.core.digests import promo, world
from tests.core.webhooks import answered, receive, status
from tests.world import ALL_CHANNELS, RULES, at, campaign, configure, files, person, rows, statuses

TWO_WAYS = "{first: [whatsapp], then: {channel: email, after: 2h, unless: read}}"
FOLLOWED = [("C000001", "email", "sent", None), ("C000001", "whatsapp", "sent", None)]


async def _world(stage: Stage, *faults: Rule, people: int = 1, rules: str = RULES, **changes: str) -> None:
    for number in range(1, people + 1):
        await person(stage.house.database, number)
    usual = {"channels": TWO_WAYS, "window": "any-time"}
    await configure(stage.house, files(campaign(**(usual | changes)), rules=rules))
    for fault in faults:
        stage.provider.faults.add(fault)


async def _ids(stage: Stage) -> list[int]:
    return [row.id for row in await rows(stage.house.database, "SELECT id FROM messages ORDER BY id")]


async def test_who_does_not_read_the_message_gets_a_mail_after_so_long(stage: Stage) -> None:
    await _world(stage)
    await stage.until("2026-11-20 20:40")
    assert len(await _ids(stage)) == 1
    await stage.until("2026-11-20 20:50")
    assert await statuses(stage.house.database) == FOLLOWED
    first, second = await rows(
        stage.house.database, "SELECT id, follows_id, run_id, variant, expires_at, sent_at FROM messages ORDER BY id"
    )
    assert (second.follows_id, second.run_id, second.variant, second.expires_at) == (
        first.id,
        first.run_id,
        first.variant,
        first.expires_at,
    )
    assert timedelta(hours=2) <= second.sent_at - first.sent_at < timedelta(hours=2, minutes=2)
    await stage.until("2026-11-21 20:00")
    assert len(await _ids(stage)) == 2
    [run] = await rows(stage.house.database, "SELECT status, messages FROM runs")
    assert (run.status, run.messages) == ("finished", 2)


async def test_who_reads_it_gets_nothing_more(stage: Stage) -> None:
    await _world(stage, people=2)
    await stage.until("2026-11-20 19:00")
    await receive(stage, status(stage, (await _ids(stage))[0], "read"))
    await stage.until("2026-11-21 12:00")
    assert len(stage.delivered("email")) == 1
    assert ("C000001", "email") not in [row[:2] for row in await statuses(stage.house.database)]


@pytest.mark.parametrize(("unless", "word", "follows"), [("delivered", "delivered", 0), ("delivered", "sent", 1), ("read", "delivered", 1)])
async def test_only_what_the_campaign_waits_for_is_an_answer(stage: Stage, unless: str, word: str, follows: int) -> None:
    await _world(stage, channels=TWO_WAYS.replace("unless: read", f"unless: {unless}"))
    await stage.until("2026-11-20 19:00")
    await receive(stage, status(stage, (await _ids(stage))[0], word))
    await stage.until("2026-11-20 21:00")
    assert len(stage.delivered("email")) == follows


async def test_a_tap_is_waited_for_where_reading_is_not_enough(stage: Stage) -> None:
    await _world(stage, people=2, channels="{first: [push], then: {channel: email, after: 2h, unless: clicked}}")
    await stage.until("2026-11-20 19:00")
    now = stage.clock.now()
    told = [
        Interaction(f"e{number}", message_key(message), kind, now)
        for number, (message, kind) in enumerate(zip(await _ids(stage), ("open", "click"), strict=True))
    ]
    await interact(stage.house, None, told, now)
    await stage.until("2026-11-20 21:00")
    assert [row[0] for row in await statuses(stage.house.database) if row[1] == "email"] == ["C000001"]


async def test_who_writes_back_has_answered(stage: Stage) -> None:
    await _world(stage)
    await stage.until("2026-11-20 19:00")
    await receive(stage, answered(stage, "Baik, terima kasih"))
    await stage.until("2026-11-20 21:00")
    assert stage.delivered("email") == []


async def test_who_writes_back_before_the_mail_leaves_gets_none(stage: Stage) -> None:
    await _world(stage, window="after-office", channels=TWO_WAYS.replace("2h", "3h"))
    await stage.until("2026-11-20 22:15")
    await receive(stage, answered(stage, "Baik"))
    assert (await statuses(stage.house.database))[0][:3] == ("C000001", "email", "suppressed")


async def test_schedulers_that_look_at_once_let_one_message_follow(stage: Stage) -> None:
    await _world(stage, people=5)
    await stage.until("2026-11-20 20:40")
    stage.clock.advance_to(at("2026-11-20 20:46"))
    found = await asyncio.gather(*(escalate(stage.house, stage.clock.now()) for _ in range(4)))
    assert sum(found) == 5
    assert sum([await escalate(stage.house, stage.clock.now()) for _ in range(2)]) == 0
    assert len(await _ids(stage)) == 10


async def test_an_answer_before_the_mail_leaves_withdraws_it(stage: Stage) -> None:
    await _world(stage, window="after-office", channels=TWO_WAYS.replace("2h", "3h"))
    await stage.until("2026-11-20 22:15")  # the window is closed
    assert [row[1:3] for row in await statuses(stage.house.database)] == [("email", "queued"), ("whatsapp", "sent")]
    [first, _] = await _ids(stage)
    await receive(stage, status(stage, first, "read"))
    await stage.until("2026-11-21 12:00")
    assert await statuses(stage.house.database) == [
        ("C000001", "email", "suppressed", f"answered:{first}"),
        ("C000001", "whatsapp", "read", None),
    ]


async def test_an_answer_is_asked_for_once_more_when_the_mail_is_claimed(stage: Stage) -> None:
    await _world(stage)
    await stage.until("2026-11-20 20:40")
    stage.clock.advance_to(at("2026-11-20 20:46"))
    await escalate(stage.house, stage.clock.now())
    assert (await valve(stage.house, stage.clock.now())).released == 1
    [first, _] = await _ids(stage)
    await receive(stage, status(stage, first, "read"))
    [row] = await rows(stage.house.database, "SELECT chunk_id FROM messages WHERE channel = 'email'")
    await dispatch(stage.house, row.chunk_id, "email")
    assert (await statuses(stage.house.database))[0] == ("C000001", "email", "suppressed", f"answered:{first}")
    assert stage.delivered("email") == []


async def test_what_follows_is_judged_by_consent_like_any_message(stage: Stage) -> None:
    consents = {name: {"marketing": name != "email", "hours": "always"} for name in ALL_CHANNELS}
    await person(stage.house.database, 1, consents=consents)
    await _world(stage, people=0, category="promo")
    await stage.until("2026-11-20 21:00")
    assert (await statuses(stage.house.database))[0] == ("C000001", "email", "suppressed", "no_consent:email")


async def test_messages_of_one_run_keep_no_distance_and_others_do(stage: Stage) -> None:
    await person(stage.house.database, 1)
    two = campaign(channels=TWO_WAYS, window="any-time", topic="class")
    other = campaign("other", channels="[push]", window="any-time", when='{at: "2026-11-20 20:44"}', category="info")
    await configure(stage.house, files(two, other))
    await stage.until("2026-11-20 20:50")
    assert (await statuses(stage.house.database))[0] == ("C000001", "email", "deferred", "gap:2")
    await stage.until("2026-11-20 22:50")
    assert [row[1:3] for row in await statuses(stage.house.database)] == [("email", "sent"), ("push", "sent"), ("whatsapp", "sent")]


async def test_a_doubtful_message_is_waited_for_like_one_that_went(stage: Stage) -> None:
    await _world(stage, Rule(channel="whatsapp", kind="drop_after", times=1))
    await stage.until("2026-11-20 20:40")
    assert [row[1:3] for row in await statuses(stage.house.database)] == [("whatsapp", "unknown")]
    await stage.until("2026-11-20 20:50")
    assert [row[1:3] for row in await statuses(stage.house.database)] == [("email", "sent"), ("whatsapp", "unknown")]


async def test_who_cannot_be_reached_by_the_first_gets_the_second_at_once_and_nothing_follows(stage: Stage) -> None:
    await person(stage.house.database, 2, sorts=("email",))
    await _world(stage, Rule(channel="whatsapp", kind="131026"))
    await stage.until("2026-11-20 18:50")
    expected = [("C000001", "email", "sent", None), ("C000002", "email", "sent", None)]
    assert await statuses(stage.house.database) == expected
    await stage.until("2026-11-21 12:00")
    assert await statuses(stage.house.database) == expected


@pytest.mark.parametrize(("told_at", "mails"), [("2026-11-20 19:30", 1), ("2026-11-20 21:30", 1)])
async def test_a_refusal_that_comes_late_never_makes_it_two_mails(stage: Stage, told_at: str, mails: int) -> None:
    await _world(stage)
    await stage.until(told_at)
    await receive(stage, status(stage, (await _ids(stage))[0], "failed", 131026))
    await stage.until("2026-11-21 12:00")
    assert len(stage.delivered("email")) == mails
    async with stage.house.database.begin() as connection:
        done = await replay.replay_failed(connection, replay.Chosen(), sorts={"whatsapp": "phone"}, by="qa", now=stage.clock.now())
    assert (done.replayed, done.followed) == (0, told_at > "2026-11-20 20:45")


async def test_nothing_follows_for_the_control_group_or_what_is_worthless_by_then(stage: Stage) -> None:
    await _world(stage, people=8, control="{share: 50%}", expires="2h10m", when='{at: "2026-11-20 18:40"}', window="after-office")
    await stage.until("2026-11-21 12:00")  # sent at 19:00, worthless at 20:50
    assert {row[1] for row in await statuses(stage.house.database)} == {"whatsapp"}
    assert {row.status for row in await rows(stage.house.database, "SELECT status FROM runs")} == {"finished"}


async def test_nothing_follows_for_a_campaign_that_was_withdrawn_and_a_paused_one_waits(stage: Stage) -> None:
    await person(stage.house.database, 1)
    both = [campaign(name, channels=TWO_WAYS, window="any-time", category="service") for name in ("gone", "held")]
    await configure(stage.house, files(*both))
    await stage.until("2026-11-20 19:00")
    await configure(stage.house, files(both[1]))
    async with stage.house.database.begin() as connection:
        await versions.pause(connection, campaign="held", channel=None, reason="typo", by="ops", now=stage.clock.now())
    await reconcile(stage.house, stage.clock.now())
    await stage.until("2026-11-20 21:00")
    found = "SELECT r.campaign, m.channel, m.status FROM messages m JOIN runs r ON r.id = m.run_id ORDER BY 1, 2"
    assert [tuple(row) for row in await rows(stage.house.database, found)] == [
        ("gone", "whatsapp", "sent"),
        ("held", "email", "queued"),
        ("held", "whatsapp", "sent"),
    ]
    async with stage.house.database.begin() as connection:
        await versions.resume(connection, campaign="held", channel=None, everything=False)
    await stage.now()
    assert len(stage.delivered("email")) == 1


async def test_patience_with_the_rules_is_counted_anew_for_what_follows(stage: Stage) -> None:
    await _world(stage, window="after-office", queue_for="1h")
    await stage.until("2026-11-20 23:00")  # planned at 21:00, the window closes at 21:30
    [row] = await rows(stage.house.database, "SELECT status, queue_until - queued_at AS patience FROM messages WHERE channel = 'email'")
    assert (row.status, row.patience) == ("sent", timedelta(hours=1))


async def test_what_follows_is_in_no_digest(stage: Stage) -> None:
    await person(stage.house.database, 1)
    news = promo("news", channels="[email]", when='{at: "2026-11-20 21:45"}')
    await configure(stage.house, world(promo("fund", channels=TWO_WAYS.replace("2h", "3h")), news))
    await stage.until("2026-11-21 12:05")
    found = await rows(stage.house.database, "SELECT channel, status, carrier_id FROM messages ORDER BY id")
    assert [tuple(row) for row in found] == [("whatsapp", "sent", None), ("email", "sent", None), ("email", "sent", None)]
