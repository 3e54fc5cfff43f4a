from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from channels.sandbox.faults import Rule
from jobs.audit import examine
from jobs.valve import valve
from scheduler.ticks import fire_and_plan
from store import replay, versions
from tests.core.conftest import Stage
from tests.core.digests import DIGEST_RULES, FIRST, SECOND, THIRD, MANY, fates, open_evening, pause, promo, pushes, three, world
from tests.world import RULES, at, campaign, configure, files, person, rows

ALL_DAY = DIGEST_RULES.replace("after-office: {", "late: {weekdays: \"18:00-23:00\", weekends: \"10:00-21:30\"}\n  after-office: {")


async def test_t1_rider_outside_its_window(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=1800))
    at2110 = '{at: "2026-11-20 21:10"}'
    await configure(stage.house, world(promo(FIRST, window="late", when=at2110), promo(SECOND, when=at2110), rules=ALL_DAY))
    await stage.until("2026-11-20 22:30")
    print(pushes(stage), await fates(stage))
    found = await examine(stage.house)
    print(found)
    assert found.clean


async def test_t1b_rider_topic(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=1800))
    await configure(stage.house, world(promo(FIRST), promo(SECOND, topic="gold"), campaign("other", category="service", channels="[email]", topic="gold", when='{at: "2026-11-20 19:10"}'), rules=DIGEST_RULES.replace("gap: 2h","gap: 10m")))
    await stage.until("2026-11-20 21:00")
    print(pushes(stage), await fates(stage))
    found = await examine(stage.house)
    print(found)
    print(await rows(stage.house.database, "select topic, status, channel, sent_at, trail from messages"))
    assert found.clean


async def test_t3_replay_after_patience(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026", times=1))
    await configure(stage.house, files(campaign("hello", channels="[whatsapp]", queue_for="1h", expires="5d")))
    await stage.until("2026-11-20 20:30")
    async with stage.house.database.begin() as connection:
        print(await replay.replay_failed(connection, campaign=None, sorts={"whatsapp": "phone"}, by="sari", now=stage.clock.now()))
    await stage.until("2026-11-20 20:35")
    print(await fates(stage))
    assert (await fates(stage))["hello"] == ("sent", None)


async def test_t6_rider_patience(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=1800))
    await configure(stage.house, world(promo(FIRST), promo(SECOND, queue_for="30m")))
    await stage.until("2026-11-20 20:30")
    print(pushes(stage), await fates(stage))
    found = await examine(stage.house)
    print(found)
    assert found.clean


async def test_t4_starved(stage: Stage) -> None:
    people = 400
    for number in range(1, people + 1):
        await person(stage.house.database, number, portfolio_value=1_000_000 + number)
    big = campaign("big", expires="160m")
    small = campaign("small", category="info", channels="[email]", expires="120m", when='{at: "2026-11-20 18:46"}')
    await configure(stage.house, files(big, small))
    await fire_and_plan(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 19:00"))
    await fire_and_plan(stage.house, stage.clock.now())
    async with stage.house.database.begin() as c:
        # the first 300 people wait for room on push, the last 100 got no push
        await c.execute(text("UPDATE messages SET status='cancelled' WHERE channel='push' AND person_id > (SELECT min(id)+299 FROM people)"))
        await c.execute(text("UPDATE limits SET rate = 0.1 WHERE account = 'push'")) if False else None
        print((await c.execute(text("SELECT * FROM limits"))).all())
        await c.execute(text("UPDATE limits SET rate = CASE WHEN channel='push' THEN 0.2 ELSE 10 END"))
    for n in range(5):
        r = await valve(stage.house, stage.clock.now() + timedelta(seconds=n))
        print(r.released, r.deferred.total(), r.suppressed.total(), r.stock)
    print(await rows(stage.house.database, "select channel, status, count(*) from messages group by 1,2 order by 1,2"))
    sent = await rows(stage.house.database, "select count(*) n from messages where channel='email' and status='released'")
    assert sent[0].n > 0


async def test_t2_topic_in_two_digests(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(promo(FIRST, channels="[push, email]"), promo(SECOND, topic="gold", channels="[push]"), promo(THIRD, topic="gold", channels="[email]")))
    await stage.until("2026-11-20 19:05")
    found = await rows(stage.house.database, "select m.id, channel, topic, status, reason from messages m order by id")
    print(found)
    print(await examine(stage.house))
    assert sum(row.topic == "gold" and row.status == "merged" for row in found) == 1


async def test_t7_fallback(stage: Stage) -> None:
    for number in range(1, 700):
        await person(stage.house.database, number, sorts=("email",) if number < 600 else ("phone", "email"))
    await configure(stage.house, files(campaign("big", channels="{first: [whatsapp, email]}", when='{at: "2026-11-20 18:45"}')))
    await fire_and_plan(stage.house, stage.clock.now())
    async with stage.house.database.begin() as c:
        print((await c.execute(text("select channel, fallback, count(*) from messages group by 1,2"))).all())


async def test_t5_down(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three()))
    await stage.until("2026-11-20 19:05")
    from alembic import command
    from store import schema
    print(dir(schema))
