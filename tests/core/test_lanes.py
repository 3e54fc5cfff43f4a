"""Messages that go by the first channel that lets them: a channel that is stopped or full holds up nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from jobs.valve import valve
from store import limits, versions
from tests.core.conftest import Stage
from tests.world import campaign, configure, files, person, rows, statuses

FIRST = campaign(category="promo", channels="{first: [whatsapp, email]}")
MAIL_ONLY = {"email": {"marketing": True, "hours": "always"}}


@pytest.fixture
async def crowded(stage: Stage) -> Stage:
    """Three score who can be had by e-mail only stand before one who can be had by WhatsApp; e-mail has no room until 19:30."""
    for number in range(1, 61):
        await person(stage.house.database, number, consents=MAIL_ONLY)
    await person(stage.house.database, 61)
    await configure(stage.house, files(FIRST))
    async with stage.house.database.begin() as connection:
        await connection.execute(text("UPDATE limits SET rate = 1"))
        await limits.slow_down(connection, "email", timedelta(hours=1), "breaker", stage.clock.now())
    return stage


async def test_those_who_must_wait_for_mail_do_not_stand_before_whatsapp(crowded: Stage) -> None:
    await crowded.until("2026-11-20 19:01")
    assert len(crowded.delivered("whatsapp")) == 1
    assert {(channel, status) for number, channel, status, _ in await statuses(crowded.house.database) if number != "C000061"} == {
        ("email", "queued")
    }


async def test_they_go_when_mail_does(crowded: Stage) -> None:
    await crowded.until("2026-11-20 19:35")
    assert len(crowded.delivered("email")) == 60


async def test_a_stop_of_the_second_channel_of_one_campaign_releases_nothing_by_it(stage: Stage) -> None:
    await person(stage.house.database, 1, consents=MAIL_ONLY)
    await configure(stage.house, files(FIRST))
    async with stage.house.database.begin() as connection:
        await versions.pause(connection, campaign="hello", channel="email", by="oncall", reason="", now=stage.clock.now())
    await stage.until("2026-11-20 19:01")
    assert await rows(stage.house.database, "SELECT FROM messages WHERE released_at IS NOT NULL OR trail::text LIKE '%released%'") == []
    assert (await valve(stage.house, stage.clock.now())).decided == 0
