"""A dead letter that was put back is judged by what holds now, whatever held when it failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from channels.sandbox.faults import Rule
from store import replay, versions
from store.replay import Chosen, Replayed
from tests.core.conftest import Stage
from tests.world import RULES, at, campaign, configure, files, person, statuses

Change = Callable[[Stage], Awaitable[None]]
OFFER = {"category": "promo", "channels": "[whatsapp]"}


async def _dead(stage: Stage, **changes: str) -> None:
    """One person's message at 18:45 on Friday, refused for good at 19:00."""
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(**({"channels": "[whatsapp]"} | changes))))
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026", times=1))
    await stage.until("2026-11-20 19:01")
    assert [status for *_, status, _ in await statuses(stage.house.database)] == ["failed"]


async def _replay(stage: Stage) -> Replayed:
    async with stage.house.database.begin() as connection:
        return await replay.replay_failed(connection, Chosen(), sorts={"whatsapp": "phone"}, by="sari", now=stage.clock.now())


async def _sql(stage: Stage, statement: str) -> None:
    async with stage.house.database.begin() as connection:
        await connection.execute(text(statement))


async def _night(stage: Stage) -> None:
    stage.clock.advance_to(at("2026-11-20 22:00"))


async def _consent_taken_back(stage: Stage) -> None:
    await _sql(stage, "UPDATE people SET consents = '{}'")


async def _told_something_else(stage: Stage) -> None:
    """A message of another run a moment ago, so that the gap of two hours holds."""
    await _sql(
        stage,
        """WITH other AS (INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at,
                                            expires_at, status)
                          SELECT 'other', occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, 'active'
                          FROM runs RETURNING id)
           INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, queued_at, expires_at, released_at,
                                 sent_at)
           SELECT other.id, person_id, channel, category, variant, window_key, 'sent', queued_at, expires_at, m.released_at, m.released_at
           FROM messages m, other""",
    )


async def _paused(stage: Stage) -> None:
    async with stage.house.database.begin() as connection:
        await versions.pause(connection, campaign="hello", channel=None, reason="wrong price", by="qa", now=stage.clock.now())


async def _approval_gone(stage: Stage) -> None:
    await _sql(stage, "DELETE FROM approvals")


async def _capped(stage: Stage) -> None:
    capped = RULES.replace("caps: [{channel: push, max: 1, per: day}]", "caps: [{channel: whatsapp, max: 1, per: day}]")
    await configure(stage.house, files(campaign(channels="[whatsapp]"), rules=capped.replace("gap: 2h", "gap: 1s")))
    await _told_something_else(stage)


@pytest.mark.parametrize(
    ("change", "offer", "reason"),
    [
        (_night, False, "replayed"),
        (_consent_taken_back, True, "no_consent:whatsapp"),
        (_told_something_else, False, "gap:"),
        (_capped, False, "cap:whatsapp:1/day"),
        (_paused, False, "replayed"),
        (_approval_gone, True, "replayed"),
    ],
)
async def test_what_holds_now_holds_for_a_dead_letter(stage: Stage, change: Change, offer: bool, reason: str) -> None:
    await _dead(stage, **(OFFER if offer else {}))
    await change(stage)
    assert (await _replay(stage)).replayed == 1
    await stage.now()
    found = await statuses(stage.house.database)
    assert any((why or "").startswith(reason) for *_, why in found), found
    assert not stage.delivered("whatsapp")


async def test_with_nothing_in_the_way_it_goes_and_only_once(stage: Stage) -> None:
    await _dead(stage)
    assert await _replay(stage) == Replayed(replayed=1)
    assert await _replay(stage) == Replayed()
    await stage.now()
    assert len(stage.delivered("whatsapp")) == 1


async def test_what_expired_meanwhile_stays(stage: Stage) -> None:
    await _dead(stage)
    stage.clock.advance_to(at("2026-11-20 19:30"))
    await _sql(stage, "UPDATE messages SET expires_at = settled_at")
    assert await _replay(stage) == Replayed(late=1)


async def test_what_may_have_gone_out_is_no_dead_letter(stage: Stage) -> None:
    await _dead(stage)
    await _sql(stage, "UPDATE messages SET doubted_at = settled_at")
    assert await _replay(stage) == Replayed()
