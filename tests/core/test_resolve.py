"""A person's word on a doubtful message acts as a receipt would, and a receipt is stronger than it."""

from __future__ import annotations

import asyncio

import pytest

from channels.sandbox.faults import Rule
from store import replay, resolve
from store.replay import Chosen
from tests.core.conftest import Stage
from tests.core.webhooks import receive, status
from tests.world import at, campaign, configure, files, person, rows

TWO_WAYS = "{first: [whatsapp], then: {channel: email, after: 2h, unless: read}}"


async def _doubtful(stage: Stage, **changes: str) -> int:
    """A message whose answer was lost; the customer did not get it, if nobody says otherwise."""
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(**({"channels": "[whatsapp]", "window": "any-time"} | changes))))
    stage.provider.faults.add(Rule(channel="whatsapp", kind="drop_after", times=1, accepts=False))
    await stage.until("2026-11-20 18:50")
    [row] = await rows(stage.house.database, "SELECT id, status FROM messages")
    assert row.status == "unknown"
    return int(row.id)


async def _say(stage: Stage, message: int, *, went: bool) -> list[resolve.Other]:
    async with stage.house.database.begin() as connection:
        return await resolve.resolve(connection, [message], went=went, by="sari", evidence="ticket", now=stage.clock.now())


async def _replay(stage: Stage) -> int:
    async with stage.house.database.begin() as connection:
        done = await replay.replay_failed(connection, Chosen(), sorts={"whatsapp": "phone"}, by="sari", now=stage.clock.now())
    return done.replayed


async def _state(stage: Stage, message: int) -> tuple[str, str | None]:
    [row] = await rows(stage.house.database, "SELECT status, reason FROM messages WHERE id = :id", id=message)
    return row.status, row.reason


async def test_what_went_out_counts_and_is_followed_by_its_second_channel(stage: Stage) -> None:
    message = await _doubtful(stage, channels=TWO_WAYS)
    assert not await _say(stage, message, went=True)
    await stage.until("2026-11-20 21:00")
    assert await _state(stage, message) == ("sent", "resolved_sent")
    assert [len(stage.delivered(channel)) for channel in ("whatsapp", "email")] == [0, 1]


async def test_what_did_not_go_out_is_followed_by_nothing_and_goes_once_when_it_is_replayed(stage: Stage) -> None:
    message = await _doubtful(stage, channels=TWO_WAYS)
    assert not await _say(stage, message, went=False)
    await stage.until("2026-11-20 21:00")
    assert await _state(stage, message) == ("failed", "resolved_failed")
    assert not stage.delivered("email")
    assert [await _replay(stage), await _replay(stage)] == [1, 0]
    await stage.until("2026-11-20 21:05")
    assert await _state(stage, message) == ("sent", None)
    assert len(stage.delivered("whatsapp")) == 1


@pytest.mark.parametrize(
    ("went", "told", "end"),
    [
        (True, "delivered", ("delivered", "resolved_sent")),
        (True, "failed", ("failed", "131026")),
        (False, "sent", ("sent", "confirmed_after_failure")),
        (False, "delivered", ("delivered", "confirmed_after_failure")),
        (False, "read", ("read", "confirmed_after_failure")),
        (False, "failed", ("failed", "resolved_failed")),
    ],
)
async def test_the_providers_word_that_comes_later_wins(stage: Stage, went: bool, told: str, end: tuple[str, str]) -> None:
    message = await _doubtful(stage)
    await _say(stage, message, went=went)
    await receive(stage, status(stage, message, told, *([131026] if told == "failed" else [])))
    assert await _state(stage, message) == end


@pytest.mark.parametrize("told", ["sent", "read"])
async def test_a_receipt_stops_the_replay_that_waits(stage: Stage, told: str) -> None:
    message = await _doubtful(stage)
    await _say(stage, message, went=False)
    assert await _replay(stage) == 1
    await receive(stage, status(stage, message, told))
    assert await _state(stage, message) == (told, "confirmed_by_receipt")
    await stage.until("2026-11-20 20:00")
    assert not stage.delivered("whatsapp")
    [row] = await rows(stage.house.database, "SELECT released_at, sent_at FROM messages")
    assert None not in (row.released_at, row.sent_at)  # it counts against others


async def test_what_a_message_carried_waits_again_when_it_did_not_go_out(stage: Stage) -> None:
    message = await _doubtful(stage)
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql(
            """INSERT INTO messages (run_id, person_id, event_ref, channel, category, variant, window_key, status, queued_at, expires_at,
                                     carrier_id, settled_at)
               SELECT run_id, person_id, 1, channel, category, variant, window_key, 'merged', queued_at, expires_at, id, settled_at
               FROM messages"""
        )
    await _say(stage, message, went=False)
    found = await rows(stage.house.database, "SELECT status FROM messages ORDER BY id")
    assert [row.status for row in found] == ["failed", "queued"]


async def test_only_what_is_in_doubt_is_settled_by_hand(stage: Stage) -> None:
    message = await _doubtful(stage)
    await _say(stage, message, went=True)
    assert await _say(stage, message, went=False) == [resolve.Other(message, "sent", "sari")]
    assert await _say(stage, message + 1, went=True) == [resolve.Other(message + 1, None, None)]
    assert stage.clock.now() == at("2026-11-20 18:50")


async def test_of_two_who_say_the_opposite_at_once_one_is_told_of_the_other(stage: Stage) -> None:
    message = await _doubtful(stage)
    told = await asyncio.gather(*(_say(stage, message, went=went) for went in (True, False, True, False)))
    assert sorted(map(len, told)) == [0, 1, 1, 1]
    [trail] = [row.trail for row in await rows(stage.house.database, "SELECT trail FROM messages")]
    assert [step["is"] for step in trail if step["is"] == "resolved"] == ["resolved"]
