"""A person's devices, each with an outcome of its own; and what is not known of an attempt is not forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from channels.base import Rejected, Sent
from channels.sandbox.faults import Rule
from jobs.links import message_key
from jobs.platforms import heed
from jobs.receipts import apply_receipts
from store import platforms, receipts, versions
from tests.core.conftest import Stage
from tests.core.webhooks import status
from tests.world import at, campaign, configure, files, person, rows, statuses

ANDROID = "token-1"


async def _person(stage: Stage, *more: str) -> None:
    """Somebody with an Android phone, and more devices by platform."""
    person_id = await person(stage.house.database, 1)
    add = text("INSERT INTO addresses (person_id, sort, kind, value, platform) VALUES (:p, 'push', 'token', :v, :v)")
    async with stage.house.database.begin() as connection:
        for platform in more:
            await connection.execute(add, {"p": person_id, "v": platform})


async def _attempts(stage: Stage) -> list[tuple[str, str, str | None]]:
    found = await rows(
        stage.house.database, "SELECT a.value, t.outcome, t.code FROM attempts t JOIN addresses a ON a.id = t.address_id ORDER BY t.id"
    )
    return [(row.value, row.outcome, row.code) for row in found]


async def test_a_message_one_device_took_is_sent_and_the_other_is_not_asked_again(stage: Stage) -> None:
    await _person(stage, "ios")
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", address="ios"))
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-20 20:00")
    assert [row[2] for row in await statuses(stage.house.database)] == ["sent"]
    assert await _attempts(stage) == [(ANDROID, "sent", None), ("ios", "retry", "UNAVAILABLE")]


async def test_what_the_second_device_hears_about_the_account_is_heard(stage: Stage) -> None:
    await _person(stage, "ios")
    stage.provider.faults.add(Rule(channel="push", kind="QUOTA_EXCEEDED", address="ios", retry_after=300))
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-20 19:00")
    [account] = await rows(stage.house.database, "SELECT open_until, reason FROM limits WHERE channel = 'push'")
    assert account.open_until > at("2026-11-20 19:04")


async def test_a_refused_credential_stops_the_devices_of_its_platform_and_no_others(stage: Stage) -> None:
    await _person(stage, "ios")
    only_ios = await person(stage.house.database, 2, sorts=())
    async with stage.house.database.begin() as connection:
        await connection.execute(
            text("INSERT INTO addresses (person_id, sort, kind, value, platform) VALUES (:p, 'push', 'token', 'ios-2', 'ios')"),
            {"p": only_ios},
        )
    refused = Rule(channel="push", kind="THIRD_PARTY_AUTH_ERROR", address="ios*")
    stage.provider.faults.add(refused)
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-20 19:10")
    assert [row[2:] for row in await statuses(stage.house.database)] == [("sent", None), ("deferred", "paused")]
    assert await rows(stage.house.database, "SELECT FROM pauses") == []
    async with stage.house.database.begin() as connection:
        [stop] = await platforms.lift(connection, "push")
    assert (stop.platform, stop.reason) == ("ios", "provider refused its credential: THIRD_PARTY_AUTH_ERROR")
    stage.provider.faults.clear()
    await stage.until("2026-11-20 19:30")
    assert [row[2] for row in await statuses(stage.house.database)] == ["sent", "sent"]


@pytest.mark.parametrize("then", ["UNREGISTERED", "UNAVAILABLE"])
async def test_a_push_that_may_have_arrived_does_not_fail_afterwards(stage: Stage, then: str) -> None:
    await _person(stage)
    stage.provider.faults.replace([Rule(channel="push", kind="drop_after", times=1), Rule(channel="push", kind=then)])
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-21 20:00")
    [(_, _, state, reason)] = await statuses(stage.house.database)
    assert state == "unknown"
    assert reason is not None
    assert reason.startswith("in_doubt:")
    assert len(stage.delivered()) == 1


async def test_a_push_that_may_have_arrived_does_not_expire_afterwards(stage: Stage) -> None:
    await _person(stage)
    stage.provider.faults.add(Rule(channel="push", kind="drop_after", times=1))
    await configure(stage.house, files(campaign(expires="1h")))
    await stage.until("2026-11-20 19:00")
    async with stage.house.database.begin() as connection:
        await connection.execute(text("UPDATE messages SET next_attempt_at = expires_at WHERE status = 'deferred'"))
    await stage.until("2026-11-20 21:00")
    assert [row[2:] for row in await statuses(stage.house.database)] == [("unknown", "in_doubt:expired_after:retry:connection_lost")]
    [row] = await rows(stage.house.database, "SELECT sent_at FROM messages")
    assert row.sent_at == at("2026-11-20 19:00")


async def test_a_receipt_for_a_doubtful_attempt_spares_the_customer_its_repeat(stage: Stage) -> None:
    await _person(stage)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="drop_after", times=1))
    await configure(stage.house, files(campaign(category="service", channels="[whatsapp]")))
    await stage.until("2026-11-20 18:45")
    [message] = await rows(stage.house.database, "SELECT id, status FROM messages")
    assert message.status == "deferred"
    async with stage.house.database.begin() as connection:
        await receipts.store(connection, "whatsapp", status(stage, message.id, "delivered"), stage.clock.now())
    await apply_receipts(stage.house, stage.clock.now())
    stage.clock.advance_to(stage.clock.now() + timedelta(minutes=10))
    await stage.now()
    assert [row[2:] for row in await statuses(stage.house.database)] == [("delivered", "confirmed_by_receipt")]
    assert len(stage.provider.journal.find(channel="whatsapp")) == 1
    assert stage.provider.journal.find(channel="whatsapp")[0].key == message_key(message.id)


async def test_many_devices_of_another_project_are_told_once_an_hour(stage: Stage) -> None:
    for number in range(1, 8):
        await person(stage.house.database, number)
    stage.provider.faults.add(Rule(channel="push", kind="SENDER_ID_MISMATCH"))
    await configure(stage.house, files(campaign()))
    with capture_logs() as log:
        await stage.until("2026-11-20 19:05")
    assert [(line["devices"], line["of"]) for line in log if line["event"] == "devices.of_another_project"] == [(7, 7)]
    async with stage.house.database.begin() as connection:
        with capture_logs() as log:
            for minutes in (30, 70):
                refused = [Rejected("SENDER_ID_MISMATCH", drop_address=True)] * 9
                await heed(connection, "push", refused, stage.clock.now() + timedelta(minutes=minutes))
            await heed(connection, "push", [*refused[:4], *[Sent("x")] * 30], stage.clock.now() + timedelta(days=1))
    assert [line["event"] for line in log] == ["devices.of_another_project"]


async def test_a_channel_that_is_resumed_at_once_sends_at_once(stage: Stage) -> None:
    for number in range(1, 4):
        await person(stage.house.database, number)
    stage.provider.faults.add(Rule(channel="push", kind="UNAUTHENTICATED", times=2, address=ANDROID))
    await configure(stage.house, files(campaign(category="service")))
    await stage.until("2026-11-20 18:45")
    async with stage.house.database.begin() as connection:
        await versions.resume(connection, campaign=None, channel="push", everything=False)
        await connection.execute(text("UPDATE messages SET status = 'queued' WHERE status = 'deferred'"))
    resumed = stage.clock.now()
    async with asyncio.timeout(20):
        await stage.now()
    assert [row[2:] for row in await statuses(stage.house.database)] == [("sent", None)] * 3
    assert stage.clock.now() - resumed < timedelta(seconds=10)
