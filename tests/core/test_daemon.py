"""What never ends the daemon: a throwing tick, a bad configuration, a second valve."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from jobs.clock import VirtualClock
from jobs.house import House
from jobs.queue import drain, make_app
from jobs.valve import valve
from scheduler.reload import FAULT, Watch
from scheduler.ticks import Tick, every_tick, fire_and_plan
from store import ticks
from store.engine import Database, open_database
from store.schema import ours
from store.tables import metadata
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person, rows


class Broken(Exception):
    """Something nobody thought of."""


@pytest.mark.parametrize("name", [tick.name for tick in every_tick()])
async def test_an_exception_in_any_tick_is_recorded_and_the_next_round_comes(house: House, name: str) -> None:
    rounds = 0

    async def job(house: House, now: datetime) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise Broken

    tick = Tick(name, 1, job)
    assert await tick.run(house) is False
    assert await tick.run(house) is True
    async with house.database.begin() as connection:
        [told] = await ticks.every(connection)
    assert (told.name, told.last_ok_at) == (name, house.clock.now())
    assert (told.last_error or "").startswith("Broken at tests/core/test_daemon.py:")


@pytest.mark.parametrize("tick", every_tick(), ids=lambda tick: tick.name)
async def test_every_tick_survives_a_database_that_is_gone(house: House, tick: Tick) -> None:
    broken = House(house.settings, _gone(), house.clock, house.channels, house.catalog)
    assert await tick.run(broken) is False
    assert await tick.run(house) is True


def _gone() -> Database:
    return open_database("postgresql://nobody@127.0.0.1:1/nothing")


async def test_a_tick_nudged_while_it_runs_goes_round_once_more(house: House) -> None:
    started, go, rounds = asyncio.Event(), asyncio.Event(), 0

    async def job(house: House, now: datetime) -> None:
        nonlocal rounds
        rounds += 1
        started.set()
        await go.wait()

    tick = Tick("slow", 1, job)
    first = asyncio.create_task(tick.run(house))
    await started.wait()
    await asyncio.gather(tick.run(house), tick.run(house))
    go.set()
    await first
    assert rounds == 2


def _write(folder: Path, written: dict[str, str]) -> None:
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


async def looks(watch: Watch, house: House) -> list[bool]:
    """A change is taken up at the second look that finds it."""
    return [await watch.look(house), await watch.look(house)]


async def test_a_bad_configuration_keeps_the_last_good_one_and_says_so(house: House, tmp_path: Path) -> None:
    good = files(campaign())
    _write(tmp_path, good)
    watch = Watch(tmp_path)
    assert await looks(watch, house) == [False, True]
    assert await looks(watch, house) == [False, False]  # nothing changed
    (tmp_path / "rules.yaml").write_text("windows: [")
    assert await looks(watch, house) == [False, False]
    async with house.database.begin() as connection:
        kept = await house.catalog.newest(connection)
        fault = await ticks.fact(connection, FAULT)
    assert kept is not None
    assert kept.config.files["rules.yaml"] == good["rules.yaml"]
    assert "rules.yaml:1" in fault[0]
    (tmp_path / "rules.yaml").write_text(good["rules.yaml"] + "\n# mended\n")
    assert await looks(watch, house) == [False, True]
    async with house.database.begin() as connection:
        assert await ticks.fact(connection, FAULT) is None


async def test_two_valves_and_three_workers_send_everything_once(stage: Stage, clock: VirtualClock) -> None:
    people = 300
    for number in range(people):
        await person(stage.house.database, number)
    await configure(stage.house, files(campaign("one"), campaign("two", category="info", channels="[email]")))
    await fire_and_plan(stage.house, clock.now())
    clock.advance_to(at("2026-11-20 19:00"))
    await fire_and_plan(stage.house, clock.now())
    apps = [make_app(stage.house) for _ in range(3)]
    for app in apps:
        await app.open_async()
    try:
        for _ in range(4):
            await asyncio.gather(*(valve(stage.house, clock.now()) for _ in range(2)))
            await asyncio.gather(*(drain(app, ["push", "email"], 3) for app in apps))
    finally:
        for app in apps:
            await app.close_async()
    assert len(stage.delivered("push")) == people
    assert len({delivery.to for delivery in stage.provider.journal.find(channel="push", limit=people + 1)}) == people
    # The second campaign's mail keeps the gap to the first one's push, for every single person.
    found = await rows(stage.house.database, "SELECT status, count(*) AS n FROM messages WHERE channel = 'email' GROUP BY 1")
    assert [(row.status, row.n) for row in found] == [("deferred", people)]


async def test_migrations_and_tables_agree(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        return list(compare_metadata(context, metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
