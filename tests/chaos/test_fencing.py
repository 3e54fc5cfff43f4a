"""A scheduler that falls asleep with the valve's lock: another takes over, and who wakes writes nothing."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from store.engine import Database, open_database
from store.messages import valve_lock
from tests.world import rows

WRITE = "INSERT INTO facts (name, value, at) VALUES ('sleeper', '1', now())"


async def test_a_sleeper_loses_the_valve_and_its_transaction_and_the_next_one_has_it(database: Database, database_url: str) -> None:
    drowsy = make_url(database_url).update_query_dict({"options": "-cidle_in_transaction_session_timeout=300"})
    asleep = open_database(drowsy.render_as_string(hide_password=False))
    async with asleep.engine.connect() as sleeper:
        assert await valve_lock(sleeper)
        await sleeper.execute(text(WRITE))
        async with asyncio.timeout(10):
            while not await _won(database):
                await asyncio.to_thread(asyncio.run, asyncio.sleep(0.05))
        with pytest.raises(DBAPIError):
            await sleeper.execute(text(WRITE))
        await sleeper.invalidate()
    await asleep.close()
    assert await rows(database, "SELECT 1 FROM facts WHERE name = 'sleeper'") == []


async def _won(database: Database) -> bool:
    async with database.begin() as connection:
        return await valve_lock(connection)
