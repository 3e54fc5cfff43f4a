"""What is wrong is seen where on-call looks: /readyz, /metrics and `kabar status` are all told by the same words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from config.settings import HttpSettings, Settings
from console.cli.overview import collect
from console.cli.show import report
from jobs.clock import VirtualClock
from jobs.house import House
from scheduler.daemon import IDLE
from scheduler.firing import FAULTS, fire
from scheduler.reload import FAULT
from scheduler.ticks import every_tick, guarded
from scheduler.troubles import CODES, WORKER, Trouble, troubles
from store import set_aside, ticks
from tests.core.conftest import Stage
from tests.http.conftest import AUTH, KEY, serving
from tests.world import at, campaign, configure, files, person

MINUTE = timedelta(minutes=1)


async def ticked(house: House, *names: str) -> None:
    async with house.database.begin() as connection:
        for name in names:
            await ticks.succeeded(connection, name, house.clock.now())


async def healthy(house: House) -> None:
    await configure(house, files(campaign()))
    await ticked(house, *(tick.name for tick in every_tick()), WORKER)


async def seen(house: House) -> list[Trouble]:
    """By the database; and the same by HTTP, by metrics and by `kabar status`."""
    async with house.database.begin() as connection:
        found = await troubles(connection, house.clock.now())
    status = await collect(house, {})
    assert [trouble["code"] for trouble in status["troubles"]] == [trouble.code for trouble in found]
    shown = [part for part in report(status) if isinstance(part, str)]
    known = replace(house, settings=Settings(http=HttpSettings(port=0, api_key=SecretStr(KEY))))
    async with serving(known) as web:
        async with web.get("/readyz", headers=AUTH) as answer:
            body = await answer.json()
            assert (answer.status, body["status"]) == (200, "degraded" if found else "ready")
            assert [trouble["words"] for trouble in body["troubles"]] == [trouble.words for trouble in found]
        async with web.get("/metrics", headers=AUTH) as answer:
            lines = (await answer.text()).splitlines()
    for code in CODES:
        told = code in {trouble.code for trouble in found}
        assert f'kabar_trouble{{code="{code}"}} {told:d}' in lines
        if told and code != "config_refused":  # which is shown with all its problems
            assert any(code.replace("_", " ") in line for line in shown)
    return found


async def test_a_house_that_works_has_no_trouble(house: House) -> None:
    await healthy(house)
    assert await seen(house) == []


async def test_a_scheduler_that_died_is_seen(house: House, clock: VirtualClock) -> None:
    await healthy(house)
    clock.advance_to(clock.now() + 2 * MINUTE)
    await ticked(house, WORKER)
    [trouble] = await seen(house)
    assert (trouble.code, trouble.critical) == ("scheduler_silent", True)


async def test_a_scheduler_that_never_ran_is_seen(house: House) -> None:
    await configure(house, files(campaign()))
    assert [trouble.code for trouble in await seen(house)] == ["scheduler_silent"]


@pytest.mark.parametrize(("name", "critical"), [("valve", True), ("receipts", False), ("reload", False)])
async def test_a_tick_that_fails_for_ever_is_seen(house: House, clock: VirtualClock, name: str, critical: bool) -> None:
    async def broken(house: House, now: object) -> None:
        raise ZeroDivisionError

    await healthy(house)
    await ticked(house, "reload")
    assert await seen(house) == []
    clock.advance_to(clock.now() + 2 * MINUTE)
    await ticked(house, *(tick.name for tick in every_tick() if tick.name != name), WORKER)
    assert await guarded(house, name, broken) is False
    [trouble] = await seen(house)
    assert (trouble.code, trouble.critical) == ("tick_failing", critical)
    assert "ZeroDivisionError" in trouble.words
    await ticked(house, name)
    assert await seen(house) == []


async def test_released_messages_that_no_worker_takes_are_seen(stage: Stage) -> None:
    house = stage.house
    await person(house.database, 1)
    await configure(house, files(campaign(category="service")))
    await stage.until("2026-11-20 18:44")

    async def nobody_sends() -> None:
        return

    stage.send = nobody_sends
    await stage.until("2026-11-20 18:48")
    await ticked(house, *(tick.name for tick in every_tick()))
    assert [trouble.code for trouble in await seen(house)] == ["workers_silent"]
    await ticked(house, WORKER)
    assert await seen(house) == []


async def test_a_worker_without_channels_is_seen(house: House) -> None:
    await healthy(house)
    async with house.database.begin() as connection:
        await ticks.failed(connection, WORKER, IDLE, house.clock.now())
    [trouble] = await seen(house)
    assert trouble.code == "worker_idle"
    assert IDLE in trouble.words


async def test_a_configuration_that_is_refused_is_seen(house: House) -> None:
    await healthy(house)
    async with house.database.begin() as connection:
        await ticks.set_fact(connection, FAULT, ["config/rules.yaml:1:1: broken"], house.clock.now())
    [trouble] = await seen(house)
    assert (trouble.code, trouble.critical) == ("config_refused", False)


async def set_aside_now(house: House, source: str) -> None:
    aside = "INSERT INTO receipts (source, body, received_at, applied_at, error) VALUES (:source, '', :now, :now, 'KeyError')"
    async with house.database.begin() as connection:
        await connection.execute(text(aside), {"source": source, "now": house.clock.now()})


async def test_a_receipt_that_was_set_aside_is_a_trouble_for_an_hour_and_listed_after(house: House, clock: VirtualClock) -> None:
    await healthy(house)
    await set_aside_now(house, "push")
    [trouble] = await seen(house)
    assert (trouble.code, "1 receipts" in trouble.words) == ("set_aside", True)
    clock.advance_to(clock.now() + timedelta(minutes=50))
    await set_aside_now(house, "email")
    clock.advance_to(clock.now() + timedelta(minutes=11))
    await healthy(house)
    [trouble] = await seen(house)
    assert "1 receipts" in trouble.words  # of the two the later one
    clock.advance_to(clock.now() + timedelta(hours=1))
    await healthy(house)
    assert await seen(house) == []
    assert [item["what"] for item in (await collect(house, {}))["set_aside"]] == ["email", "push"]


async def test_an_event_that_was_set_aside_is_a_trouble_until_it_is_replayed(house: House, clock: VirtualClock) -> None:
    await healthy(house)
    await person(house.database, 1)
    aside = """INSERT INTO events (event_id, name, person_id, data, received_at, planned_at, error)
        SELECT 'e', 'kyc.updated', id, '{}', :now, :now, 'hello: KeyError' FROM people"""
    async with house.database.begin() as connection:
        await connection.execute(text(aside), {"now": clock.now()})
    clock.advance_to(clock.now() + timedelta(days=2))
    await healthy(house)
    [trouble] = await seen(house)
    assert "1 events" in trouble.words
    async with house.database.begin() as connection:
        await set_aside.retry(connection, "event")
    assert await seen(house) == []


async def test_a_campaign_whose_occurrences_cannot_be_computed_holds_up_no_other(house: House, clock: VirtualClock) -> None:
    """An event so late in time that what follows it has no date."""
    events = 'business: {class: [{at: "9999-12-31 23:00"}]}'
    endless = campaign("endless", when="{after: class, by: 2h}")
    await configure(house, files(campaign(), endless) | {"events.yaml": events})
    await fire(house, clock.now())
    clock.advance_to(at("2026-11-20 18:50"))
    await fire(house, clock.now())
    await ticked(house, *(tick.name for tick in every_tick()), WORKER)
    async with house.database.begin() as connection:
        assert await connection.scalar(text("SELECT campaign FROM runs")) == "hello"
        assert "endless" in await ticks.fact(connection, FAULTS)
    assert [trouble.code for trouble in await seen(house)] == ["campaign_not_fired"]
