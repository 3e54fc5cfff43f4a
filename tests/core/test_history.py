"""What counts against a new message: contacts by when they really went, not by when it was decided that they may."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from jobs import facts
from jobs.house import House
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
