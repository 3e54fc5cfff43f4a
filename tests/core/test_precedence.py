"""The more important message goes first, also when it is not before the valve at that moment."""

from __future__ import annotations

from sqlalchemy import text

from channels.sandbox.faults import Rule
from jobs.valve import valve
from scheduler.ticks import fire_and_plan
from store import replay, versions
from tests.core.conftest import Stage
from tests.world import RULES, at, campaign, configure, files, person, rows, statuses

TRAIL = "SELECT m.trail, r.campaign, m.id FROM messages m JOIN runs r ON r.id = m.run_id ORDER BY m.id"
GREATER, LESSER = campaign("greater"), campaign("lesser", category="info", channels="[email]")


async def test_a_lesser_message_does_not_overtake_one_that_is_tried_again(stage: Stage) -> None:
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=600))
    await person(stage.house.database, 1)
    late = campaign("lesser", category="info", channels="[email]", when='{at: "2026-11-20 19:02"}')
    await configure(stage.house, files(GREATER, late))
    await stage.until("2026-11-20 19:05")
    waits = {channel: reason for _, channel, _, reason in await statuses(stage.house.database)}
    [greater] = [row.id for row in await rows(stage.house.database, TRAIL) if row.campaign == "greater"]
    assert waits["email"] == f"pending_higher_priority:{greater}"
    await stage.until("2026-11-20 21:29")
    [push], [email] = stage.delivered("push"), stage.delivered("email")
    assert at("2026-11-20 19:10") <= push < at("2026-11-20 19:12")
    assert at("2026-11-20 21:10") <= email < at("2026-11-20 21:29")
    assert (email - push).total_seconds() >= 2 * 3600


async def test_a_greater_message_that_is_paused_holds_back_nobody(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(GREATER, LESSER))
    async with stage.house.database.begin() as connection:
        await versions.pause(connection, campaign="greater", channel=None, by="oncall", reason="", now=stage.clock.now())
    await stage.until("2026-11-20 19:05")
    assert [status for _, channel, status, _ in await statuses(stage.house.database) if channel == "email"] == ["sent"]


async def test_priority_is_that_of_the_newest_rules(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(GREATER, LESSER))
    await stage.until("2026-11-20 18:50")
    await configure(stage.house, files(GREATER, LESSER, rules=RULES.replace("priority: 30", "priority: 60")))
    await stage.until("2026-11-20 19:05")
    assert {channel: status for _, channel, status, _ in await statuses(stage.house.database)} == {"email": "sent", "push": "deferred"}


async def test_a_category_freed_of_windows_goes_at_once_though_planned_before(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(GREATER))
    await stage.until("2026-11-20 18:50")
    await configure(stage.house, files(GREATER, rules=RULES.replace("{priority: 50}", "{priority: 50, ignore: [window]}")))
    await stage.until("2026-11-20 18:52")
    assert len(stage.delivered()) == 1


async def test_patience_that_ends_before_the_window_opens_is_over_at_once(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(GREATER, campaign("patient", category="info", channels="[email]", queue_for="1h")))
    await stage.until("2026-11-20 19:05")
    [email] = [each for each in await statuses(stage.house.database) if each[1] == "email"]
    assert email[2:] == ("suppressed", f"gap:{await _id(stage, 'greater')}")


async def test_who_waits_for_a_message_without_room_does_not_keep_a_channel_from_the_others(stage: Stage) -> None:
    for number in range(1, 61):  # more than the valve looks at when there is room for one
        await person(stage.house.database, number, sorts=("push", "phone", "email") if number < 60 else ("email",))
    brief = campaign("lesser", category="info", channels="[email]", expires="2h")
    await configure(stage.house, files(GREATER, brief))
    await fire_and_plan(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 19:00"))
    await fire_and_plan(stage.house, stage.clock.now())
    async with stage.house.database.begin() as connection:
        await connection.execute(text("UPDATE limits SET rate = 0.2"))
    for _ in range(2):
        await valve(stage.house, stage.clock.now())
    found = await rows(stage.house.database, "SELECT p.customer_no FROM messages m JOIN people p ON p.id = m.person_id WHERE "
                                             "m.channel = 'email' AND m.status = 'released'")  # fmt: skip
    assert [row.customer_no for row in found] == ["C000060"]


async def test_a_dead_letter_that_is_replayed_goes_though_its_patience_is_over(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026", times=1))
    await configure(stage.house, files(campaign("patient", channels="[whatsapp]", queue_for="1h")))
    await stage.until("2026-11-20 20:30")
    async with stage.house.database.begin() as connection:
        await replay.replay_failed(connection, replay.Chosen(), sorts={"whatsapp": "phone"}, by="sari", now=stage.clock.now())
    await stage.until("2026-11-20 20:35")
    assert [status for _, _, status, _ in await statuses(stage.house.database)] == ["sent"]


async def _id(stage: Stage, campaign_name: str) -> int:
    return next(int(row.id) for row in await rows(stage.house.database, TRAIL) if row.campaign == campaign_name)
