"""What waits follows the newest rules, the newest segments and the customers as they are now, from the next tick on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text

from channels.sandbox.faults import Rule
from jobs.catalog import Catalog
from jobs.customers import import_customers
from jobs.freshness import freshen, stale
from jobs.plan import plan
from jobs.valve import valve
from scheduler.firing import fire
from store.engine import open_database
from store.replay import Chosen, replay_failed
from tests.core.conftest import Stage
from tests.world import RULES, SEGMENTS, at, campaign, configure, files, person, rows

# The wealthy may be written to at noon as well.
LUNCH = RULES.replace("any-time: always", 'any-time: always\n  lunch: {weekdays: "12:00-13:00", weekends: "12:00-13:00"}')
BOTH = LUNCH.replace("{regular: after-office}", "{regular: after-office, hnwi: lunch}")
EVERYONE = campaign(audience="everyone")
REGULAR, WEALTHY, NONE = "seg:regular@Asia/Jakarta", "seg:hnwi@Asia/Jakarta", "none@Asia/Jakarta"


def written(*campaigns: str, rules: str = BOTH, segments: str = SEGMENTS) -> dict[str, str]:
    return files(*campaigns, rules=rules) | {"segments.yaml": segments}


async def messages(stage: Stage) -> list[Row[Any]]:
    return await rows(
        stage.house.database,
        """SELECT m.id, p.customer_no, r.campaign, m.channel, m.window_key, m.status, m.reason, m.next_attempt_at, m.released_at, m.trail
           FROM messages m JOIN people p ON p.id = m.person_id JOIN runs r ON r.id = m.run_id ORDER BY p.customer_no, m.id""",
    )


async def keys(stage: Stage) -> list[str]:
    return [row.window_key for row in await messages(stage)]


async def tick(stage: Stage) -> None:
    """One tick of the valve, and nobody who sends."""
    await valve(stage.house, stage.clock.now())


async def execute(stage: Stage, statement: str, **values: Any) -> None:
    async with stage.house.database.begin() as connection:
        await connection.execute(text(statement), values)


async def customer_file(stage: Stage, path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines))
    now = stage.clock.now()
    await import_customers(stage.house.database, path, now=now, today=now.date(), progress=lambda done, total: None)


async def test_a_key_is_true_also_where_the_category_ignores_windows(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(category="service"), campaign("own", category="service", window="any-time")))
    async with stage.house.database.begin() as connection:
        await connection.execute(text("INSERT INTO pauses (reason, set_by, set_at) VALUES ('', 'qa', now())"))
    await stage.until("2026-11-20 18:50")
    assert await keys(stage) == [REGULAR, "win:any-time@Asia/Jakarta"]


async def test_a_category_that_no_longer_ignores_windows_waits_for_its_window(stage: Stage) -> None:
    await person(stage.house.database, 1)
    service = campaign(category="service")
    await configure(stage.house, files(service))
    await execute(stage, "INSERT INTO pauses (reason, set_by, set_at) VALUES ('', 'qa', now())")
    await stage.until("2026-11-20 18:50")
    await configure(stage.house, files(service, rules=RULES.replace("ignore: [window, gap, caps]", "ignore: [gap, caps]")))
    await execute(stage, "DELETE FROM pauses")
    await stage.until("2026-11-20 18:59")
    assert stage.delivered() == []
    await stage.until("2026-11-20 19:05")
    assert len(stage.delivered()) == 1


async def test_other_segments_give_what_waits_other_windows(stage: Stage) -> None:
    await person(stage.house.database, 1, portfolio_value=300_000_000)
    await configure(stage.house, written(EVERYONE))
    await stage.until("2026-11-20 18:50")
    assert await keys(stage) == [REGULAR]
    lower = "segments: {regular: portfolio_value < 200000000, hnwi: portfolio_value >= 200000000}"
    await configure(stage.house, written(EVERYONE, segments=lower))
    await tick(stage)
    assert await keys(stage) == [WEALTHY]
    await stage.until("2026-11-21 13:00")
    [sent] = stage.delivered()
    assert at("2026-11-21 12:00") <= sent < at("2026-11-21 12:01")
    [run] = await rows(stage.house.database, "SELECT window_keys, status FROM runs")
    assert run.window_keys == [WEALTHY, REGULAR]


async def test_the_order_of_segment_windows_decides_between_two_segments(stage: Stage) -> None:
    await person(stage.house.database, 1)
    both = "segments: {regular: portfolio_value > 0, hnwi: portfolio_value > 1}"
    await configure(stage.house, written(campaign(), segments=both))
    await stage.until("2026-11-20 18:50")
    assert await keys(stage) == [REGULAR]
    turned = LUNCH.replace("{regular: after-office}", "{hnwi: lunch, regular: after-office}")
    await configure(stage.house, written(campaign(), segments=both, rules=turned))
    await tick(stage)
    assert await keys(stage) == [WEALTHY]


async def test_a_campaigns_own_window_stays_and_only_the_zone_follows(stage: Stage, tmp_path: Path) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, written(campaign(window="lunch")))
    await stage.until("2026-11-20 18:50")
    await customer_file(stage, tmp_path / "c.csv", "customer_no,name,timezone,portfolio_value", "C000001,Budi,Asia/Jayapura,900000000")
    await tick(stage)
    assert await keys(stage) == ["win:lunch@Asia/Jayapura"]
    await stage.until("2026-11-21 10:30")  # 12:30 in Jayapura
    assert len(stage.delivered()) == 1


async def test_a_customer_file_moves_what_waits_to_the_window_of_today(stage: Stage, tmp_path: Path) -> None:
    for number in (1, 2):
        await person(stage.house.database, number)
    await configure(stage.house, written(EVERYONE))
    await stage.until("2026-11-20 18:50")
    await customer_file(stage, tmp_path / "c.csv", "customer_no,name,portfolio_value", "C000001,Budi,700000000")
    await tick(stage)
    assert await keys(stage) == [WEALTHY, REGULAR]
    [run] = await rows(stage.house.database, "SELECT window_keys FROM runs")
    assert run.window_keys == [WEALTHY, REGULAR]


async def test_a_condition_with_today_is_looked_at_once_a_day(stage: Stage) -> None:
    await person(stage.house.database, 1, last_trade_on=at("2026-11-10 00:00").date(), portfolio_value=None)
    fresh = "segments: {regular: last_trade_on < today - interval '10 days', hnwi: last_trade_on >= today - interval '10 days'}"
    await configure(stage.house, written(campaign(audience="everyone", when='{at: "2026-11-20 22:00"}'), segments=fresh))
    await stage.until("2026-11-20 22:30")
    assert await keys(stage) == [WEALTHY]
    await stage.until("2026-11-20 23:59")
    assert await keys(stage) == [WEALTHY]
    await stage.until("2026-11-21 09:00")
    assert await keys(stage) == [REGULAR]


async def test_what_is_planned_late_gets_its_key_from_the_newest_rules(stage: Stage) -> None:
    await person(stage.house.database, 1, portfolio_value=300_000_000)
    await configure(stage.house, written(EVERYONE))
    await fire(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:45"))
    await fire(stage.house, stage.clock.now())
    lower = "segments: {regular: portfolio_value < 200000000, hnwi: portfolio_value >= 200000000}"
    await configure(stage.house, written(EVERYONE, segments=lower))
    await tick(stage)
    await plan(stage.house, stage.clock.now())
    assert await keys(stage) == [WEALTHY]


async def test_nothing_is_looked_at_again_while_nothing_changes(stage: Stage, tmp_path: Path) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, written(EVERYONE))
    await stage.until("2026-11-20 18:58")

    async def due() -> bool:
        async with stage.house.database.begin() as connection:
            return await stale(stage.house, connection, stage.clock.now())

    assert not await due()
    await configure(stage.house, written(EVERYONE, campaign("another", when='{at: "2026-12-01 10:00"}')))
    assert not await due()  # a new campaign is no change of rules
    await customer_file(stage, tmp_path / "c.csv", "customer_no,name", "C000002,Sari")
    assert not await due()  # nothing waits for somebody new
    await customer_file(stage, tmp_path / "c.csv", "customer_no,name", "C000001,Budi Hartono")
    assert await due()
    await tick(stage)
    assert not await due()
    stage.clock.advance_to(stage.clock.now() + timedelta(minutes=6))
    assert await due()  # once more, for what was on its way
    await tick(stage)
    stage.clock.advance_to(stage.clock.now() + timedelta(minutes=60))
    assert not await due()


async def test_what_waits_for_a_rule_is_judged_anew_when_the_rules_change(stage: Stage) -> None:
    await person(stage.house.database, 1)
    two = campaign("one"), campaign("two", category="info", channels="[email]")
    await configure(stage.house, files(*two))
    await stage.until("2026-11-20 19:05")
    [waiting] = [row for row in await messages(stage) if row.status == "deferred"]
    assert waiting.reason.startswith("gap:")
    decided = len(waiting.trail)
    for _ in range(3):
        await tick(stage)
    assert len((await messages(stage))[1].trail) == decided
    await configure(stage.house, files(*two, rules=RULES.replace("gap: 2h", "gap: 1h")))
    await tick(stage)
    [waiting] = [row for row in await messages(stage) if row.status == "deferred"]
    assert waiting.trail[-1]["why"].startswith("gap:")
    assert at("2026-11-20 20:00") <= waiting.next_attempt_at < at("2026-11-20 20:05")
    await configure(stage.house, files(*two, rules=RULES.replace("gap: 2h", "gap: 1m")))
    await stage.now()
    assert len(stage.delivered("email")) == 1


async def test_stricter_rules_hold_back_what_would_have_woken(stage: Stage) -> None:
    await person(stage.house.database, 1)
    two = campaign("one"), campaign("two", category="info", channels="[email]")
    await configure(stage.house, files(*two))
    await stage.until("2026-11-20 19:05")
    await configure(stage.house, files(*two, rules=RULES.replace("gap: 2h", "gap: 20h")))
    await stage.until("2026-11-20 21:29")
    assert stage.delivered("email") == []
    [waiting] = [row for row in await messages(stage) if row.status == "deferred"]
    assert waiting.next_attempt_at >= at("2026-11-21 15:00")


async def test_a_retry_keeps_its_time_through_new_rules_and_another_window(stage: Stage, tmp_path: Path) -> None:
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=1800))
    await person(stage.house.database, 1)
    await configure(stage.house, written(EVERYONE))
    await stage.until("2026-11-20 19:02")
    [before] = await messages(stage)
    assert (before.status, before.reason) == ("deferred", "retry:UNAVAILABLE")
    await configure(stage.house, written(EVERYONE, rules=BOTH.replace("gap: 2h", "gap: 3h")))
    await customer_file(stage, tmp_path / "c.csv", "customer_no,name,portfolio_value", "C000001,Budi,700000000")
    await tick(stage)
    [after] = await messages(stage)
    assert (after.status, after.reason, after.next_attempt_at) == ("deferred", "retry:UNAVAILABLE", before.next_attempt_at)
    assert after.window_key == WEALTHY


async def test_what_was_released_keeps_its_key_and_gets_the_new_one_when_it_comes_back(stage: Stage, tmp_path: Path) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, written(EVERYONE))
    await stage.until("2026-11-20 18:50")
    stage.clock.advance_to(at("2026-11-20 19:00"))
    await tick(stage)
    await customer_file(stage, tmp_path / "c.csv", "customer_no,name,portfolio_value", "C000001,Budi,700000000")
    await tick(stage)
    assert [(row.status, row.window_key) for row in await messages(stage)] == [("released", REGULAR)]
    await execute(stage, "UPDATE messages SET status = 'queued', chunk_id = NULL, released_at = NULL WHERE status = 'released'")
    await execute(stage, "INSERT INTO pauses (reason, set_by, set_at) VALUES ('', 'qa', now())")
    stage.clock.advance_to(at("2026-11-20 19:06"))
    await tick(stage)
    assert [(row.status, row.window_key) for row in await messages(stage)] == [("queued", WEALTHY)]


async def test_a_dead_letter_that_is_replayed_gets_the_key_of_today(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, written(EVERYONE))
    await stage.until("2026-11-20 18:50")
    await execute(stage, "UPDATE messages SET status = 'failed', reason = 'INTERNAL'")
    await execute(stage, "UPDATE people SET portfolio_value = 700000000")
    await stage.until("2026-11-20 20:00")
    async with stage.house.database.begin() as connection:
        await replay_failed(connection, Chosen(), sorts={"push": "push"}, by="sari", now=stage.clock.now())
    await tick(stage)
    assert [(row.status, row.window_key) for row in await messages(stage)] == [("queued", WEALTHY)]


async def test_pages_and_several_schedulers_do_it_together_and_once(stage: Stage, database_url: str) -> None:
    for number in range(1, 41):
        await person(stage.house.database, number)
    late = '{at: "2026-11-20 22:00"}'
    await configure(stage.house, written(campaign(audience="everyone", when=late, channels="[push, email]")))
    await stage.until("2026-11-20 22:30")
    assert set(await keys(stage)) == {REGULAR}
    lower = "segments: {regular: portfolio_value < 1000, hnwi: portfolio_value >= 1000}"
    await configure(stage.house, written(campaign(audience="everyone", when=late, channels="[push, email]"), segments=lower))
    other = open_database(database_url)
    spare = replace(stage.house, database=other, catalog=Catalog(stage.house.channels))
    for _ in range(20):
        await asyncio.gather(freshen(stage.house, stage.clock.now(), size=3), freshen(spare, stage.clock.now(), size=3))
    await other.close()
    assert set(await keys(stage)) == {WEALTHY}
    async with stage.house.database.begin() as connection:
        assert not await stale(stage.house, connection, stage.clock.now())


async def test_whoever_plans_keeps_keys_from_being_looked_at_and_nothing_is_missed(stage: Stage, database_url: str) -> None:
    await person(stage.house.database, 1, portfolio_value=300_000_000)
    await configure(stage.house, written(EVERYONE))
    await stage.until("2026-11-20 18:50")
    lower = "segments: {regular: portfolio_value < 200000000, hnwi: portfolio_value >= 200000000}"
    await configure(stage.house, written(EVERYONE, segments=lower))
    planner = open_database(database_url)
    async with planner.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock_shared(hashtext('kabar.keys'))"))
        await tick(stage)
        assert await keys(stage) == [REGULAR]
    await planner.close()
    await tick(stage)
    assert await keys(stage) == [WEALTHY]
