"""What providers do to a message, and what a dying worker leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from channels.base import Sent
from channels.sandbox.faults import Rule
from jobs import dispatch
from jobs.settlement import settlement
from jobs.sweep import sweep
from jobs.valve import valve
from scheduler.ticks import fire_and_plan
from store import outbox, suppressions, versions
from store.suppressions import Source
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person, rows, statuses


async def test_a_busy_provider_is_asked_again_and_the_message_goes_out_once(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=2))
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-20 19:30")
    assert await statuses(stage.house.database) == [("C000001", "push", "sent", None)]
    found = await rows(stage.house.database, "SELECT outcome, code FROM attempts ORDER BY id")
    assert [row.outcome for row in found] == ["retry", "retry", "sent"]
    assert len(stage.delivered()) == 1


async def test_a_providers_retry_after_is_obeyed(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=600))
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-20 20:00")
    [sent] = stage.delivered()
    assert sent >= at("2026-11-20 19:10")


async def test_tries_are_limited_and_the_dead_letter_is_kept(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE"))
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-21 20:00")
    [(_, _, status, reason)] = await statuses(stage.house.database)
    assert status == "failed"
    assert reason == "tries_used_up:UNAVAILABLE"
    assert stage.delivered() == []


async def test_a_dead_token_is_dropped_and_the_other_device_carries_the_message(stage: Stage) -> None:
    person_id = await person(stage.house.database, 1)
    async with stage.house.database.begin() as connection:
        await connection.execute(
            text("INSERT INTO addresses (person_id, sort, kind, value, platform) VALUES (:p, 'push', 'token', 'dead', 'ios')"),
            {"p": person_id},
        )
    stage.provider.faults.add(Rule(channel="push", kind="UNREGISTERED", address="dead"))
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [("C000001", "push", "sent", None)]
    [dropped] = await rows(stage.house.database, "SELECT value, sort, code, source, evidence FROM suppressions")
    assert (dropped.value, dropped.sort, dropped.code, dropped.source) == ("dead", "push", "UNREGISTERED", "provider")
    assert dropped.evidence.startswith("message ")


async def test_a_doubtful_whatsapp_is_unknown_and_not_sent_again(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="drop_after", times=1))
    await configure(stage.house, files(campaign(channels="[whatsapp]")))
    await stage.until("2026-11-20 21:00")
    assert [row[2] for row in await statuses(stage.house.database)] == ["unknown"]
    assert len(stage.delivered("whatsapp")) == 1


async def test_a_doubtful_service_message_is_sent_again_and_flagged(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="drop_after", times=1))
    await configure(stage.house, files(campaign(channels="[whatsapp]", category="service")))
    await stage.until("2026-11-20 21:00")
    [found] = await rows(stage.house.database, "SELECT status, maybe_duplicate FROM messages")
    assert (found.status, found.maybe_duplicate) == ("sent", True)
    assert len(stage.delivered("whatsapp")) == 2


async def test_content_the_provider_refuses_stops_the_campaign_on_that_channel(stage: Stage) -> None:
    for number in range(1, 4):
        await person(stage.house.database, number)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="132015", times=1, address="+6281200000001"))
    await configure(stage.house, files(campaign(channels="[whatsapp, email]")))
    await stage.until("2026-11-20 19:10")
    async with stage.house.database.begin() as connection:
        [pause] = await versions.pauses(connection)
    assert (pause.campaign, pause.channel, pause.set_by) == ("hello", "whatsapp", "kabar")
    assert len(stage.delivered("email")) == 3


async def _released(stage: Stage, **changes: str) -> int:
    """A message released and its chunk's number, with nobody working on it."""
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(**changes)))
    await fire_and_plan(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 19:00"))
    await fire_and_plan(stage.house, stage.clock.now())
    assert (await valve(stage.house, stage.clock.now())).released == 1
    [row] = await rows(stage.house.database, "SELECT chunk_id FROM messages")
    return int(row.chunk_id)


async def _claim(stage: Stage, chunk: int, sort: str) -> object:
    now = stage.clock.now()
    async with stage.house.database.begin() as connection:
        [row] = await outbox.claim(
            connection, chunk=chunk, limit=10, sort=sort, offers=["promo"], now=now, lease_until=now + timedelta(minutes=2)
        )
    return row


@pytest.mark.parametrize(("channel", "sort", "expected"), [("push", "push", "sent"), ("email", "email", "unknown")])
async def test_a_worker_that_dies_while_sending_loses_nothing(stage: Stage, channel: str, sort: str, expected: str) -> None:
    chunk = await _released(stage, channels=f"[{channel}]")
    await _claim(stage, chunk, sort)  # and never settles
    await stage.until("2026-11-20 19:10")
    assert [row[2] for row in await statuses(stage.house.database)] == [expected]


async def test_a_worker_that_wakes_too_late_cannot_settle_what_is_not_its_own_any_more(stage: Stage) -> None:
    chunk = await _released(stage)
    row = await _claim(stage, chunk, "push")
    await stage.until("2026-11-20 19:10")
    late = settlement(row, Sent("late"), now=stage.clock.now(), resend=False, chance=stage.house.chance)
    async with stage.house.database.begin() as connection:
        assert await outbox.settle(connection, [late]) == set()


async def test_a_chunk_whose_job_was_lost_is_nudged_again(stage: Stage) -> None:
    await _released(stage)
    async with stage.house.database.begin() as connection:
        await connection.execute(text("DELETE FROM procrastinate_jobs"))
    assert (await sweep(stage.house, stage.clock.now())).nudged == 0  # young: its job may still come
    stage.clock.advance_to(stage.clock.now() + timedelta(minutes=1))
    assert (await sweep(stage.house, stage.clock.now())).nudged == 1
    await stage.now()
    assert len(stage.delivered()) == 1


async def test_a_pause_reaches_what_is_released_but_not_yet_claimed(stage: Stage) -> None:
    chunk = await _released(stage)
    async with stage.house.database.begin() as connection:
        await versions.pause(connection, campaign="hello", channel=None, reason="typo", by="ops", now=stage.clock.now())
    await dispatch.dispatch(stage.house, chunk, "push")
    assert await statuses(stage.house.database) == [("C000001", "push", "queued", None)]
    async with stage.house.database.begin() as connection:
        await versions.resume(connection, campaign="hello", channel=None, everything=False)
    await stage.now()
    assert len(stage.delivered()) == 1


async def test_who_opts_out_after_the_release_gets_no_offer_any_more(stage: Stage) -> None:
    chunk = await _released(stage, category="promo")
    [row] = await rows(stage.house.database, "SELECT id FROM people")
    async with stage.house.database.begin() as connection:
        await suppressions.speak(connection, "opt_out", [(row.id, "push", "test")], stage.clock.now(), Source.OPERATOR)
    await dispatch.dispatch(stage.house, chunk, "push")
    assert await statuses(stage.house.database) == [("C000001", "push", "suppressed", "opted_out")]
    assert stage.delivered() == []


async def test_what_expires_between_release_and_claim_is_not_sent(stage: Stage) -> None:
    chunk = await _released(stage, expires="16m")
    stage.clock.advance_to(at("2026-11-20 19:02"))
    await dispatch.dispatch(stage.house, chunk, "push")
    assert await statuses(stage.house.database) == [("C000001", "push", "expired", "expired")]


async def test_what_lay_released_until_its_window_closed_waits_for_the_next(stage: Stage) -> None:
    """No worker was there for three hours: what the valve decided then is not what it would decide now."""
    await _released(stage, expires="2d")
    stage.clock.advance_to(at("2026-11-20 22:00"))
    await stage.send()
    assert stage.delivered() == []
    [waits] = await rows(stage.house.database, "SELECT status, attempts, chunk_id, released_at FROM messages")
    assert tuple(waits) == ("queued", 0, None, None)
    await stage.until("2026-11-21 10:05")
    [sent] = stage.delivered()
    assert sent >= at("2026-11-21 10:00")
