"""Whom WhatsApp asks to leave alone, for seconds or a day, and whom nobody is there for any more."""

from __future__ import annotations

import json

from channels.sandbox.cloud_rules import Behaviour
from channels.sandbox.faults import Rule
from jobs.links import message_key
from jobs.receipts import apply_receipts
from store import receipts
from tests.core.conftest import Stage
from tests.world import RULES, addresses_of, at, campaign, configure, files, person, rows, statuses

FREE = RULES.replace("gap: 2h, same_topic: 3d", "gap: 0s, same_topic: 0s").replace(
    "segment_windows: {regular: after-office}", "segment_windows: {regular: any-time}"
)
PHONE = addresses_of(1)[1][2]


def by_whatsapp(name: str, category: str, **more: object) -> str:
    return campaign(name, category=category, channels="[whatsapp]", expires="3d", **more)


async def told(stage: Stage, *statuses: dict[str, object]) -> None:
    """A webhook with these statuses, applied."""
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": list(statuses)}}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()
    async with stage.house.database.begin() as connection:
        await receipts.store(connection, "whatsapp", body, stage.clock.now())
    await apply_receipts(stage.house, stage.clock.now())


def status(stage: Stage, message: int, word: str, code: int | None = None) -> dict[str, object]:
    found = {"id": f"wamid.{message}", "status": word, "timestamp": str(int(stage.clock.now().timestamp()))}
    errors = {"errors": [{"code": code, "title": "…"}]} if code else {}
    return {**found, "recipient_user_id": "ID.77", "biz_opaque_callback_data": message_key(message), **errors}


async def test_two_messages_at_once_to_one_person_go_six_seconds_apart_and_nobody_else_waits(stage: Stage) -> None:
    for number in (1, 2):
        await person(stage.house.database, number)
    await configure(stage.house, files(by_whatsapp("one", "service"), by_whatsapp("two", "service")))
    stage.provider.conduct.behaviour = Behaviour(pair_seconds=6)
    await stage.until("2026-11-20 18:45")
    assert sorted(item.to for item in stage.provider.journal.find(channel="whatsapp")) == sorted(addresses_of(n)[1][2] for n in (1, 2))
    stage.clock.advance_to(at("2026-11-20 18:45:05"))
    await stage.now()
    assert len(stage.delivered("whatsapp")) == 2
    stage.clock.advance_to(at("2026-11-20 18:45:07"))
    await stage.now()
    assert len(stage.delivered("whatsapp")) == 4
    found = await rows(stage.house.database, "SELECT attempts, trail FROM messages ORDER BY id")
    assert {row.attempts for row in found} == {1}
    assert stage.provider.journal.counts["whatsapp"].rejected == {}
    assert sum(step.get("why") == "held:spacing" for row in found for step in row.trail) == 2


async def test_who_got_enough_offers_gets_none_for_a_day_and_service_messages_all_the_same(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131049", times=1))
    offers = by_whatsapp("one", "promo"), by_whatsapp("two", "promo", when='{at: "2026-11-20 19:10"}')
    service = by_whatsapp("urgent", "service", when='{at: "2026-11-20 19:20"}')
    await configure(stage.house, files(*offers, service, rules=FREE))
    await stage.until("2026-11-20 19:30")
    assert [row[2:] for row in await statuses(stage.house.database)] == [
        ("deferred", "retry:131049"),
        ("deferred", "held:131049"),
        ("sent", None),
    ]
    await stage.until("2026-11-21 18:40")
    assert len(stage.delivered("whatsapp")) == 1
    await stage.until("2026-11-21 19:00")
    assert [row[2] for row in await statuses(stage.house.database)] == ["sent"] * 3


async def test_the_same_told_by_webhook_holds_the_next_offer(stage: Stage) -> None:
    await person(stage.house.database, 1)
    offers = by_whatsapp("one", "promo"), by_whatsapp("two", "promo", when='{at: "2026-11-20 19:30"}')
    await configure(stage.house, files(*offers, rules=FREE))
    await stage.until("2026-11-20 18:50")
    await told(stage, status(stage, 1, "failed", 131049))
    await stage.until("2026-11-20 20:00")
    assert [row[2:] for row in await statuses(stage.house.database)] == [("failed", "131049"), ("deferred", "held:131049")]


async def test_a_number_nobody_is_at_is_dropped_on_the_third_day_and_not_if_something_arrived_between(stage: Stage) -> None:
    for number in (1, 2):
        await person(stage.house.database, number)
    daily = campaign(category="service", channels="[whatsapp]", when='{cron: "0 19 * * *"}', expires="3h")
    await configure(stage.house, files(daily))
    gone, lucky = (addresses_of(number)[1][2] for number in (1, 2))
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026", address=gone))
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026", address=lucky, times=1))
    await stage.until("2026-11-21 19:30")
    [arrived] = await rows(stage.house.database, "SELECT id FROM messages WHERE status = 'sent'")
    await told(stage, status(stage, arrived.id, "delivered"))
    assert await dropped(stage) == []
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026", address=lucky))
    await stage.until("2026-11-23 19:30")
    assert await dropped(stage) == [(gone, "repeated:131026")]


async def test_what_fails_later_by_webhook_counts_as_well(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(category="service", channels="[whatsapp]", when='{cron: "0 19 * * *"}', expires="3h")))
    for day, message in ((20, 1), (21, 2), (22, 3)):
        await stage.until(f"2026-11-{day} 19:30")
        await told(stage, status(stage, message, "failed", 131026), status(stage, message, "failed", 131026))
    assert await dropped(stage) == [(PHONE, "repeated:131026")]


async def test_an_opt_out_told_with_a_message_is_its_persons_though_no_number_is_shown(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(by_whatsapp("one", "promo"), rules=FREE))
    await stage.until("2026-11-20 18:50")
    await told(stage, status(stage, 1, "failed", 131050))
    assert [row.channel for row in await rows(stage.house.database, "SELECT channel FROM suppressions")] == ["whatsapp"]


async def test_what_a_late_refusal_says_of_campaign_and_account_is_done_and_not_when_it_is_old(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(by_whatsapp("one", "service")))
    await stage.until("2026-11-20 18:50")
    old = status(stage, 1, "failed", 131042)
    await stage.until("2026-11-20 20:00")
    await told(stage, old)
    assert await rows(stage.house.database, "SELECT FROM pauses") == []
    await told(stage, status(stage, 1, "failed", 132015))
    [stop] = await rows(stage.house.database, "SELECT campaign, channel, reason FROM pauses")
    assert tuple(stop) == ("one", "whatsapp", "provider refused the content: 132015")


async def dropped(stage: Stage) -> list[tuple[str, str]]:
    found = await rows(stage.house.database, "SELECT value, code FROM suppressions WHERE kind = 'address'")
    return [(row.value, row.code) for row in found]
