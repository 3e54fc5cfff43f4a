"""What counts against a new message: contacts by when they really went, not by when it was decided that they may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from jobs import facts
from jobs.house import House
from rules.facts import Contact
from tests.core.digests import world
from tests.world import RULES, campaign, configure, files, person

GAP_ALONE = RULES.replace("same_topic: 3d, ", "same_topic: 1m, ").replace("caps: [{channel: push, max: 1, per: day}]", "caps: []")
SENT = """WITH run AS (
  INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
  SELECT 'c', 'o', max(id), 'h', 'reminder', 1, '{}', :released, :sent, 'finished' FROM versions RETURNING id)
INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, queued_at, expires_at, released_at, sent_at)
SELECT id, :person, 'push', 'reminder', 0, 'none@Asia/Jakarta', 'sent', :released, :sent, :released, :sent FROM run"""


async def test_what_was_decided_before_the_gap_and_went_within_it_still_counts(house: House) -> None:
    """It lay released while its account was closed: by the decision it is two hours ago, for the customer it is not."""
    someone = await person(house.database, 1)
    await configure(house, files(campaign(), rules=GAP_ALONE))
    now = house.clock.now()
    moments = {"released": now - timedelta(hours=3), "sent": now - timedelta(minutes=119)}
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None
        await connection.execute(text(SENT), {"person": someone, **moments})
        _, history = await facts.of_people(connection, published, [someone], now)
    assert [contact.at for contact in history[someone]] == [moments["sent"]]


@pytest.mark.parametrize("status", ["released", "sending"])
async def test_what_was_let_go_and_has_not_left_yet_counts_from_now_on(house: House, status: str) -> None:
    """It waits behind a slow account: whoever went now would meet it at the customer's."""
    someone = await person(house.database, 1)
    await configure(house, files(campaign(), rules=GAP_ALONE))
    now = house.clock.now()
    moments = {"released": now - timedelta(hours=3), "sent": None}
    statement = SENT.replace("'sent', :released, :sent", f"'{status}', :released, :released")
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None
        await connection.execute(text(statement.replace(":sent, 'finished'", ":released, 'active'")), {"person": someone, **moments})
        _, history = await facts.of_people(connection, published, [someone], now)
    assert [contact.at for contact in history[someone]] == [now]


IN_DOUBT = """WITH run AS (
  INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
  SELECT 'c', 'o', max(id), 'h', 'promo', 1, '{}', :doubted, :doubted, 'active' FROM versions RETURNING id)
INSERT INTO messages (run_id, person_id, channel, category, topic, variant, window_key, status, queued_at, expires_at, released_at,
                      doubted_at, attempts)
SELECT id, :person, 'push', 'promo', 'contest', 0, 'none@Asia/Jakarta', :status, :doubted, :doubted, :released, :doubted, 1
FROM run RETURNING id, run_id"""
INSIDE = """INSERT INTO messages (run_id, person_id, channel, category, topic, variant, window_key, status, queued_at, expires_at,
                      carrier_id)
SELECT run_id, person_id, 'email', category, 'fees', 0, window_key, 'merged', queued_at, expires_at, id FROM messages RETURNING id"""
WAITING = """INSERT INTO messages (run_id, person_id, channel, category, topic, variant, window_key, status, queued_at, expires_at)
SELECT run_id, person_id, 'popup', category, topic, 0, window_key, 'queued', queued_at, expires_at FROM messages"""


@pytest.mark.parametrize("status", ["queued", "deferred", "failed", "expired", "suppressed", "cancelled"])
@pytest.mark.parametrize("handed_back", [False, True])
async def test_what_may_have_gone_counts_from_then_on_whatever_became_of_it(house: House, status: str, handed_back: bool) -> None:
    """It was queued again, and perhaps released and handed back meanwhile, or has come to a dead end no sweep has looked at yet."""
    someone = await person(house.database, 1)
    await configure(house, files(campaign(), rules=GAP_ALONE))
    now = house.clock.now()
    doubted, released = now - timedelta(minutes=10), None if handed_back else now - timedelta(minutes=12)
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None
        [made] = await connection.execute(text(IN_DOUBT), {"person": someone, "status": status, "doubted": doubted, "released": released})
        await connection.execute(text(WAITING))  # another of its run, by another channel, was never tried
        _, history = await facts.of_people(connection, published, [someone], now)
    assert history[someone] == [Contact(made.id, made.run_id, "push", "promo", "contest", doubted)]


async def test_what_is_inside_of_it_counts_by_its_topic(house: House) -> None:
    someone = await person(house.database, 1)
    await configure(house, world(campaign()))
    now = house.clock.now()
    doubted = now - timedelta(minutes=10)
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None
        moments = {"doubted": doubted, "released": doubted}
        [made] = await connection.execute(text(IN_DOUBT), {"person": someone, "status": "deferred", **moments})
        [inside] = await connection.execute(text(INSIDE))
        _, history = await facts.of_people(connection, published, [someone], now)
    assert history[someone][1:] == [Contact(inside.id, made.run_id, "email", "promo", "fees", doubted, made.id)]
