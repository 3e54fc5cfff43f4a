"""Receipts tripled, shuffled, cut into posts of any size: the end is the same. Poison and strangers hold nobody up."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random

import pytest

from jobs.links import message_key
from jobs.receipts import apply_receipts
from store import receipts, unheard
from tests.core.conftest import Stage
from tests.world import campaign, configure, files, person, rows

PEOPLE = 36
EVENING = "2026-11-20 19:05"


def _item(message: int, word: str, at: int) -> dict[str, object]:
    told: dict[str, object] = {"id": f"wamid.{message}", "status": word, "timestamp": str(at), "recipient_id": "6281200000001"}
    more: dict[str, object] = {"errors": [{"code": 131026}]} if word == "failed" else {}
    return told | more | {"biz_opaque_callback_data": message_key(message)}


def _post(items: list[dict[str, object]]) -> bytes:
    value = {"messaging_product": "whatsapp", "statuses": items}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()


async def _sent(stage: Stage, people: int = 1) -> list[int]:
    for number in range(1, people + 1):
        await person(stage.house.database, number)
    await configure(stage.house, files(campaign(channels="[whatsapp]")))
    await stage.until(EVENING)
    return [row.id for row in await rows(stage.house.database, "SELECT id FROM messages WHERE status = 'sent' ORDER BY id")]


async def _store(stage: Stage, bodies: list[bytes]) -> None:
    async with stage.house.database.begin() as connection:
        for body in bodies:
            await receipts.store(connection, "whatsapp", body, stage.clock.now())


@pytest.mark.parametrize(
    "words, end",
    [
        (("sent", "delivered", "read"), "read"),
        (("sent", "failed"), "failed"),
        (("sent", "failed", "delivered"), "delivered"),
        (("read", "failed", "sent"), "read"),
    ],
)
async def test_in_any_of_three_dozen_shuffles_the_end_is_the_same(stage: Stage, words: tuple[str, ...], end: str) -> None:
    messages, now = await _sent(stage, PEOPLE), int(stage.clock.now().timestamp())
    for seed, message in enumerate(messages):
        chance = Random(seed)
        told = [_item(message, word, now + place) for place, word in enumerate(words)] * 3
        chance.shuffle(told)
        while told:
            size = chance.randint(1, len(told))
            await _store(stage, [_post(told[:size])])
            told = told[size:]
            if chance.random() < 0.3:
                await apply_receipts(stage.house, stage.clock.now())
    while await apply_receipts(stage.house, stage.clock.now()):
        pass
    found = await rows(stage.house.database, "SELECT DISTINCT status, delivered_at, read_at FROM messages")
    assert [row.status for row in found] == [end]
    facts = await rows(stage.house.database, "SELECT message_id, count(*) AS n FROM interactions GROUP BY message_id")
    assert {row.n for row in facts} == {len(words)}


async def test_a_poisoned_receipt_is_set_aside_with_its_error_and_the_rest_goes_on(stage: Stage) -> None:
    [message] = await _sent(stage)
    now = int(stage.clock.now().timestamp())
    await _store(stage, [b"\xff not json", _post([_item(message, "delivered", now)]), b"[1]"])
    await apply_receipts(stage.house, stage.clock.now())
    assert [row.status for row in await rows(stage.house.database, "SELECT status FROM messages")] == ["delivered"]
    kept = await rows(stage.house.database, "SELECT error IS NOT NULL AS bad, applied_at IS NOT NULL AS done FROM receipts ORDER BY id")
    assert [(row.bad, row.done) for row in kept] == [(True, True), (False, True), (True, True)]


async def test_receipts_of_strangers_are_kept_for_an_hour_and_then_counted(stage: Stage) -> None:
    await _sent(stage)
    now = int(stage.clock.now().timestamp())
    await _store(stage, [_post([_item(900_000 + number, "delivered", now) for number in range(3)])])
    assert await apply_receipts(stage.house, stage.clock.now()) == 0
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=1, minutes=1))
    assert await apply_receipts(stage.house, stage.clock.now()) == 1
    async with stage.house.database.begin() as connection:
        assert await unheard.total(connection) == {"whatsapp": 3}
    assert await rows(stage.house.database, "SELECT FROM interactions") == []


async def test_a_report_of_the_app_waits_for_our_own_commit_and_counts_once(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign()))
    await stage.until(EVENING)
    [message] = await rows(stage.house.database, "SELECT id FROM messages WHERE status = 'sent'")
    told = {
        "event_id": "7d1f",
        "delivery_id": message_key(message.id),
        "type": "open",
        "at": "2099-01-01T00:00:00+07:00",
        "button_id": None,
    }
    body = json.dumps({"items": [told, told]}).encode()
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET status = 'sending'")
        await receipts.store(connection, "push", body, stage.clock.now())
    assert await apply_receipts(stage.house, stage.clock.now()) == 0
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET status = 'sent'")
    received = stage.clock.now()
    stage.clock.advance_to(received + timedelta(seconds=6))
    assert await apply_receipts(stage.house, stage.clock.now()) == 1
    [row] = await rows(stage.house.database, "SELECT status, read_at FROM messages")
    assert (row.status, row.read_at) == ("read", received)  # a clock ahead of ours does not reach into the future
    assert [row.event_id for row in await rows(stage.house.database, "SELECT event_id FROM interactions")] == ["7d1f"]
