"""A dump made in the middle of a blast, restored elsewhere: it sends nothing by itself, and nobody twice by what it knows."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from jobs.catalog import Catalog
from jobs.plan import plan
from jobs.recognise import recognise
from jobs.valve import valve
from scheduler.firing import fire
from scheduler.ticks import every_tick
from store import backup, identity, restored, tools, versions
from store.engine import open_database
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person, rows, sending

PEOPLE = 40


@asynccontextmanager
async def _restored(stage: Stage, server: str, file: Path) -> AsyncIterator[Stage]:
    """Another server's worth: a database made of the dump, with the same providers and the same clock."""
    name = f"{make_url(stage.house.database.conninfo).database}_again"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    database = open_database(make_url(server).set(database=name).render_as_string(hide_password=False))
    try:
        await backup.restore(database.conninfo, file, tools.find(18, None))
        async with database.begin() as made:
            await identity.adopt(made, stage.clock.now())
        house = replace(stage.house, database=database, catalog=Catalog(stage.house.channels), accounts={})
        async with sending(house, stage.provider) as (able, send):
            yield Stage(able, stage.clock, stage.provider, send)
    finally:
        await database.close()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def _blast(stage: Stage, channel: str, file: Path) -> None:
    """Everything is released, and dumped while it is sent."""
    for number in range(1, PEOPLE + 1):
        await person(stage.house.database, number)
    await configure(stage.house, files(campaign(channels=f"[{channel}]", window="any-time")))
    await recognise(stage.house, stage.clock.now())
    await fire(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:45"))
    await fire(stage.house, stage.clock.now())
    await plan(stage.house, stage.clock.now())
    await valve(stage.house, stage.clock.now())
    await asyncio.gather(stage.send(), backup.dump(stage.house.database.conninfo, file, tools.find(18, None), force=False))
    await stage.until("2026-11-20 18:50")


async def _states(stage: Stage) -> Counter[str]:
    return Counter(row.status for row in await rows(stage.house.database, "SELECT status FROM messages"))


@pytest.mark.parametrize("channel", ["whatsapp", "push"])
async def test_nothing_leaves_a_restored_instance_until_somebody_resumes_it(
    stage: Stage, server: str, tmp_path: Path, channel: str
) -> None:
    file = tmp_path / "blast.dump"
    await _blast(stage, channel, file)
    gone = len(stage.delivered(channel))
    assert gone == PEOPLE
    async with _restored(stage, server, file) as again:
        await again.until("2026-11-20 19:30")
        assert len(stage.delivered(channel)) == gone
        async with again.house.database.begin() as connection:
            halt = await identity.halted(connection)
            assert halt is not None
            assert await versions.resume(connection, campaign=None, channel=None, everything=True) == 1
        await again.until("2026-11-20 20:30")
        states = await _states(again)
        if channel == "whatsapp":
            # At most once: what may have gone is in doubt, and stays so.
            assert len(stage.delivered(channel)) == gone
            assert set(states) <= {"sent", "unknown"}
        else:
            # Sent once more under the key by which the device collapses it.
            assert set(states) == {"sent"}
        assert states.total() == PEOPLE


async def _waiting(stage: Stage) -> None:
    """One message in the reservoir, of a kind that does not expire for long."""
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(window="any-time", channels="[whatsapp]")))
    await fire(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:45"))
    await fire(stage.house, stage.clock.now())
    await plan(stage.house, stage.clock.now())
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET expires_at = expires_at + interval '30 days'")


async def test_a_machine_that_is_back_after_days_sends_nothing_until_somebody_has_looked(stage: Stage) -> None:
    [tick] = [each for each in every_tick() if each.name == "valve"]
    assert await tick.run(stage.house)
    await _waiting(stage)
    stage.clock.advance_to(stage.clock.now() + timedelta(days=5))
    assert await tick.run(stage.house)
    assert await tick.run(stage.house)
    assert await _states(stage) == {"queued": 1}
    [pause] = await rows(stage.house.database, "SELECT reason, set_by FROM pauses")
    assert (pause.reason.startswith("nothing was decided since 2026-11-20"), pause.set_by) == (True, "kabar")
    assert len(await rows(stage.house.database, "SELECT FROM audit_log WHERE actor = 'kabar'")) == 1
    async with stage.house.database.begin() as connection:
        await versions.resume(connection, campaign=None, channel=None, everything=True)
    assert await tick.run(stage.house)
    assert await _states(stage) == {"released": 1}


async def test_what_may_have_gone_since_the_dump_can_be_held_to_be_in_doubt(stage: Stage, server: str, tmp_path: Path) -> None:
    await _waiting(stage)
    await person(stage.house.database, 2)
    file = tmp_path / "early.dump"
    await backup.dump(stage.house.database.conninfo, file, tools.find(18, None), force=False)
    await stage.until("2026-11-20 19:00")
    assert len(stage.delivered("whatsapp")) == 1
    async with _restored(stage, server, file) as again:
        at_once = stage.clock.now()
        async with again.house.database.begin() as connection:
            assert await restored.doubt(connection, "other", since=at_once, of=at_once, by="dewi", now=at_once) == 0
            assert await restored.doubt(connection, None, since=at_once, of=at_once, by="dewi", now=at_once) == 1
            await versions.resume(connection, campaign=None, channel=None, everything=True)
        await again.until("2026-11-20 20:30")
        assert await _states(again) == {"unknown": 1}
        assert len(stage.delivered("whatsapp")) == 1
