"""The schema goes back and forth on a database that holds something."""

from __future__ import annotations

from alembic import command
from sqlalchemy import text

from store.schema import alembic_config, upgrade
from tests.core.conftest import Stage
from tests.core.digests import three, world
from tests.world import configure, person, rows

UNDER_WAY = "UPDATE messages SET settled_at = NULL WHERE id = (SELECT max(id) FROM messages WHERE status = 'merged')"


async def test_back_to_before_digests_nothing_is_lost_and_nothing_goes_twice(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three()))
    await stage.until("2026-11-20 19:05")
    async with stage.house.database.begin() as connection:
        await connection.execute(text(UNDER_WAY))
        await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "0002"))
    found = await rows(stage.house.database, "SELECT status FROM messages ORDER BY id")
    assert [row.status for row in found] == ["sent", "suppressed", "queued"]
    assert await upgrade(stage.house.database)
