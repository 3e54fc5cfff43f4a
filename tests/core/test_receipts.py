"""What comes back: signed webhooks, the app's reports; tripled, shuffled, early and from strangers."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from jobs.interactions import Interaction, interact
from jobs.links import message_key
from jobs.receipts import apply_receipts
from store import facts, receipts
from tests.core.conftest import Stage
from tests.world import campaign, configure, files, person, rows


async def _sent(stage: Stage, channel: str) -> int:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(channels=f"[{channel}]")))
    await stage.until("2026-11-20 19:05")
    [row] = await rows(stage.house.database, "SELECT id FROM messages WHERE status = 'sent'")
    return int(row.id)


def _webhook(*values: dict[str, object]) -> bytes:
    changes = [{"field": "messages", "value": {"messaging_product": "whatsapp", **value}} for value in values]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()


def _status(stage: Stage, message: int, status: str) -> dict[str, object]:
    stamp = str(int(stage.clock.now().timestamp()))
    told = {"id": "wamid.X", "status": status, "timestamp": stamp, "recipient_id": "6281200000001"}
    return {"statuses": [told | {"biz_opaque_callback_data": message_key(message)}]}


async def _receive(stage: Stage, *bodies: bytes) -> None:
    async with stage.house.database.begin() as connection:
        for body in bodies:
            await receipts.store(connection, "whatsapp", body, stage.clock.now())
    while await apply_receipts(stage.house, stage.clock.now()):
        pass


@pytest.mark.parametrize(
    "order", [("delivered", "read"), ("read", "delivered"), ("read", "read", "delivered", "delivered", "sent", "sent")]
)
async def test_in_any_order_and_number_the_end_is_the_same(stage: Stage, order: tuple[str, ...]) -> None:
    message = await _sent(stage, "whatsapp")
    await _receive(stage, *(_webhook(_status(stage, message, status)) for status in order))
    [row] = await rows(stage.house.database, "SELECT status, delivered_at, read_at FROM messages")
    assert row.status == "read"
    assert row.delivered_at == row.read_at
    assert (await rows(stage.house.database, "SELECT count(*) AS n FROM receipts WHERE applied_at IS NULL"))[0].n == 0


async def test_a_receipt_that_comes_before_our_own_commit_is_kept_and_applied(stage: Stage) -> None:
    message = await _sent(stage, "whatsapp")
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET status = 'sending'")
    await _receive(stage, _webhook(_status(stage, message, "delivered")))
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET status = 'sent'")
    stage.clock.advance_to(stage.clock.now() + timedelta(seconds=6))
    await apply_receipts(stage.house, stage.clock.now())
    assert [row.status for row in await rows(stage.house.database, "SELECT status FROM messages")] == ["delivered"]


async def test_receipts_of_strangers_do_not_hold_up_the_others(stage: Stage) -> None:
    message = await _sent(stage, "whatsapp")
    await _receive(stage, *(_webhook(_status(stage, 900_000 + n, "delivered")) for n in range(250)))
    await _receive(stage, _webhook(_status(stage, message, "delivered")))
    assert [row.status for row in await rows(stage.house.database, "SELECT status FROM messages")] == ["delivered"]
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=2))
    while await apply_receipts(stage.house, stage.clock.now()):
        pass
    assert (await rows(stage.house.database, "SELECT count(*) AS n FROM receipts WHERE applied_at IS NULL"))[0].n == 0


async def test_a_receipt_clears_a_doubt(stage: Stage) -> None:
    message = await _sent(stage, "whatsapp")
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET status = 'unknown'")
    await _receive(stage, _webhook(_status(stage, message, "delivered")))
    [row] = await rows(stage.house.database, "SELECT status, reason FROM messages")
    assert (row.status, row.reason) == ("delivered", "confirmed_by_receipt")


async def test_who_writes_stop_is_opted_out_and_the_evidence_shows_no_number(stage: Stage) -> None:
    await _sent(stage, "whatsapp")
    said = {"from": "6281200000001", "id": "wamid.Y", "timestamp": "1795176000", "type": "text", "text": {"body": "BERHENTI"}}
    await _receive(stage, _webhook({"messages": [said]}))
    [row] = await rows(stage.house.database, "SELECT channel, evidence FROM suppressions")
    assert row.channel == "whatsapp"
    assert "81200000001" not in row.evidence
    [told] = await rows(stage.house.database, "SELECT event_id, person_id FROM interactions")
    assert "81200000001" not in told.event_id
    assert told.person_id is not None


async def test_a_stop_of_a_number_nobody_has_yet_holds_for_whoever_brings_it(stage: Stage) -> None:
    await _sent(stage, "whatsapp")
    said = {"from": "6281200000002", "id": "wamid.Z", "timestamp": "1795176000", "type": "text", "text": {"body": "STOP"}}
    await _receive(stage, _webhook({"messages": [said]}))
    [row] = await rows(stage.house.database, "SELECT kind, channel, value, source FROM suppressions")
    assert tuple(row) == ("opt_out", "whatsapp", "+6281200000002", "receipt")
    newcomer = await person(stage.house.database, 2)
    async with stage.house.database.begin() as connection:
        [facts_of] = await facts.people(connection, [newcomer])
    assert facts_of.opted_out == ["whatsapp"]


async def test_garbage_is_set_aside_with_its_error(stage: Stage) -> None:
    await _sent(stage, "whatsapp")
    await _receive(stage, b"not json")
    [row] = await rows(stage.house.database, "SELECT error FROM receipts")
    assert row.error


async def test_a_report_of_the_app_that_beats_our_commit_counts_once_we_settle(stage: Stage) -> None:
    message = await _sent(stage, "push")
    now = stage.clock.now()
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET status = 'sending'")
    opened = Interaction("e1", message_key(message), "open", now)
    assert await interact(stage.house, None, [opened], now) == ["accepted"]
    assert await interact(stage.house, None, [opened], now) == ["duplicate"]
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET status = 'sent'")
        await receipts.catch_up(connection, [message], now)
    assert [row.status for row in await rows(stage.house.database, "SELECT status FROM messages")] == ["read"]
