"""So many different people a day: who does not fit waits for a place, the most important first, and no place is given twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from channels.sandbox.cloud_rules import Behaviour
from jobs.valve import valve
from scheduler.bootstrap import keep_quotas
from scheduler.ticks import fire_and_plan
from store import quota
from tests.core.conftest import Stage
from tests.world import RULES, at, campaign, configure, files, person, rows, sending, statuses

FREE = RULES.replace("gap: 2h, same_topic: 3d", "gap: 0s, same_topic: 0s")
DAY = timedelta(hours=24)


async def allowed(stage: Stage, people: int | None) -> None:
    async with stage.house.database.begin() as connection:
        await quota.ensure(connection, "whatsapp", people)


def by_whatsapp(name: str, category: str, **more: object) -> str:
    return campaign(name, category=category, channels="[whatsapp]", expires="5d", **more)


async def counted(stage: Stage) -> dict[tuple[str, str], int]:
    found = await rows(
        stage.house.database,
        "SELECT r.campaign, m.status, count(*) AS n FROM messages m JOIN runs r ON r.id = m.run_id GROUP BY 1, 2",
    )
    return {(row.campaign, row.status): row.n for row in found}


async def test_offers_leave_a_tenth_to_others_and_what_does_not_fit_waits_for_tomorrow(stage: Stage) -> None:
    for number in range(12):
        await person(stage.house.database, number)
    await allowed(stage, 10)
    stage.provider.conduct.behaviour = Behaviour(people_a_day=10, pair_seconds=6)
    late = by_whatsapp("late", "service", when='{at: "2026-11-20 20:00"}', audience="{any: [hnwi]}")
    await person(stage.house.database, 20, portfolio_value=600_000_000)
    await person(stage.house.database, 21, portfolio_value=600_000_000)
    await configure(stage.house, files(by_whatsapp("sale", "promo"), late, rules=FREE))
    await stage.until("2026-11-20 19:30")
    assert await counted(stage) == {("sale", "sent"): 9, ("sale", "deferred"): 3}
    waiting = await rows(stage.house.database, "SELECT reason, attempts, next_attempt_at AS at FROM messages WHERE status = 'deferred'")
    assert {(row.reason, row.attempts) for row in waiting} == {("quota:whatsapp", 0)}
    assert min(row.at for row in waiting) >= at("2026-11-21 19:00")
    assert (await valve(stage.house, stage.clock.now())).decided == 0
    await stage.until("2026-11-20 21:00")
    assert await counted(stage) == {("sale", "sent"): 9, ("sale", "deferred"): 3, ("late", "sent"): 1, ("late", "deferred"): 1}
    await stage.until("2026-11-22 21:00")
    assert await counted(stage) == {("sale", "sent"): 12, ("late", "sent"): 2}
    assert stage.provider.journal.counts["whatsapp"].rejected == {}
    for sent in stage.delivered("whatsapp"):
        assert len({item.to for item in stage.provider.journal.find(channel="whatsapp") if sent <= item.at < sent + DAY}) <= 10


async def test_the_most_important_get_the_places_and_known_people_are_free(stage: Stage) -> None:
    for number in range(4):
        await person(stage.house.database, number)
    await allowed(stage, 2)
    first = by_whatsapp("sale", "promo"), by_whatsapp("class", "reminder", audience="{any: [hnwi]}")
    for number in (20, 21):
        await person(stage.house.database, number, portfolio_value=600_000_000)
    again = by_whatsapp("again", "service", audience="{any: [hnwi]}", when='{at: "2026-11-20 20:00"}')
    rules = FREE.replace("{regular: after-office}", "{regular: after-office, hnwi: after-office}")
    await configure(stage.house, files(*first, again, rules=rules))
    await stage.until("2026-11-20 20:30")
    assert await counted(stage) == {("class", "sent"): 2, ("again", "sent"): 2, ("sale", "deferred"): 4}


async def test_several_valves_at_once_give_no_place_twice(stage: Stage) -> None:
    for number in range(40):
        await person(stage.house.database, number)
    await allowed(stage, 20)
    await configure(stage.house, files(*(by_whatsapp(f"c{n}", "reminder", audience="{any: [regular]}") for n in range(2)), rules=FREE))
    for moment in ("2026-11-20 18:44", "2026-11-20 18:46", "2026-11-20 19:01"):
        stage.clock.advance_to(at(moment))
        await fire_and_plan(stage.house, stage.clock.now())
    for _ in range(3):
        await asyncio.gather(*(valve(stage.house, stage.clock.now()) for _ in range(4)))
    [row] = await rows(
        stage.house.database, "SELECT count(DISTINCT person_id) AS people, count(*) AS n FROM messages WHERE status = 'released'"
    )
    assert (row.people, row.n) == (20, 40)


async def test_a_thousand_that_wait_come_back_a_few_at_a_time(stage: Stage) -> None:
    for number in range(30):
        await person(stage.house.database, number)
    await allowed(stage, 5)
    rules = FREE.replace("{regular: after-office}", "{regular: any-time}")
    await configure(stage.house, files(by_whatsapp("class", "reminder"), rules=rules))
    await stage.until("2026-11-20 19:00")
    found = await rows(
        stage.house.database, "SELECT next_attempt_at::date AS day, count(*) AS n FROM messages WHERE status = 'deferred' GROUP BY 1"
    )
    assert sorted(row.n for row in found) == [5, 5, 5, 5, 5]


async def test_the_setting_is_what_counts_and_without_one_everybody_goes(stage: Stage) -> None:
    async with sending(stage.house, stage.provider, KABAR_WHATSAPP__DAILY_PEOPLE="2000") as (house, _):
        await keep_quotas(house)
    async with stage.house.database.begin() as connection:
        assert (await quota.every(connection, stage.clock.now()))[0].people == 2000
    async with sending(stage.house, stage.provider, KABAR_WHATSAPP__DAILY_PEOPLE="unlimited") as (house, _):
        await keep_quotas(house)
    for number in range(3):
        await person(stage.house.database, number)
    await configure(stage.house, files(by_whatsapp("sale", "promo"), rules=FREE))
    await stage.until("2026-11-20 19:30")
    assert {row[2] for row in await statuses(stage.house.database)} == {"sent"}
    async with stage.house.database.begin() as connection:
        assert (await quota.every(connection, stage.clock.now()))[0] == quota.Quota("whatsapp", None, 3)
