"""/healthz, /readyz, /metrics."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession
from pydantic import SecretStr
from sqlalchemy import text

from config.settings import HttpSettings, Settings
from jobs.api_keys import KeyScope, make_key
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.plan import plan
from scheduler.firing import FAULTS, fire
from store import identity, limits, ticks, versions
from store.engine import open_database
from tests.http.app import new_key
from tests.http.conftest import AUTH, KEY, Configure, serving
from tests.world import person


async def tick(house: House, *names: str) -> None:
    async with house.database.begin() as connection:
        for name in names:
            await ticks.succeeded(connection, name, house.clock.now())


async def test_healthy_while_the_core_ticks_tick(house: House, clock: VirtualClock, web: ClientSession) -> None:
    await tick(house, "plan", "valve", "sweep")
    clock.advance_to(clock.now() + timedelta(seconds=60))
    async with web.get("/healthz") as answer:
        assert answer.status == 200
        assert (await answer.json())["ticks"] == {"plan": 60.0, "sweep": 60.0, "valve": 60.0}


async def test_a_core_tick_that_stopped_is_unhealthy_and_another_is_not(house: House, clock: VirtualClock, web: ClientSession) -> None:
    await tick(house, "plan", "sweep")
    clock.advance_to(clock.now() + timedelta(seconds=61))
    await tick(house, "plan")
    async with web.get("/healthz") as answer:
        assert answer.status == 200
    clock.advance_to(clock.now() + timedelta(seconds=61))
    async with web.get("/healthz") as answer:
        assert (answer.status, (await answer.json())["stale"]) == (503, ["plan"])


async def test_a_core_tick_in_the_middle_of_a_long_round_is_healthy_as_long_as_it_says_so(
    house: House, clock: VirtualClock, web: ClientSession
) -> None:
    await tick(house, "plan", "valve")
    found = []
    for seconds, says in ((50, True), (50, True), (50, False), (11, False)):
        clock.advance_to(clock.now() + timedelta(seconds=seconds))
        await tick(house, "valve")
        if says:
            async with house.database.begin() as connection:
                await ticks.at_work(connection, "plan", clock.now())
        async with web.get("/healthz") as answer:
            found.append((answer.status, (await answer.json())["stale"]))
    assert found == [(200, []), (200, []), (200, []), (503, ["plan"])]


async def test_a_house_whose_scheduler_never_ran_is_alive(web: ClientSession) -> None:
    async with web.get("/healthz") as answer:
        assert answer.status == 200


async def test_ready_once_a_configuration_is_published(web: ClientSession, configured: Configure) -> None:
    async with web.get("/readyz") as answer:
        assert (answer.status, (await answer.json())["message"]) == (503, "no configuration is published yet")
    await configured()
    async with web.get("/readyz") as answer:
        assert answer.status == 200


async def test_not_ready_on_another_schema(house: House, web: ClientSession, configured: Configure) -> None:
    await configured()
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    async with web.get("/readyz") as answer:
        assert answer.status == 503
        assert "kabar db upgrade" in (await answer.json())["message"]


async def test_without_a_database_it_is_alive_but_not_ready_and_says_so(house: House) -> None:
    nowhere = open_database("postgresql://kabar@127.0.0.1:1/kabar")
    async with serving(House(house.settings, nowhere, house.clock, house.channels, house.catalog)) as web:
        async with web.get("/healthz") as answer:
            assert (answer.status, (await answer.json())["status"]) == (200, "database_unreachable")
        async with web.get("/readyz") as answer:
            assert answer.status == 503
        async with web.post("/v1/popups/tokens", json={"customer_no": "C1"}, headers=AUTH) as answer:
            assert (answer.status, (await answer.json())["error"]) == (503, "unavailable")
            assert answer.headers["Retry-After"]


async def wrong(web: ClientSession, key: str | None) -> list[dict[str, Any]]:
    async with web.get("/readyz", headers={"X-API-Key": key} if key else {}) as answer:
        assert answer.status == 200
        return list((await answer.json())["troubles"])


async def test_a_stranger_is_told_what_sort_of_thing_is_wrong_and_a_key_of_the_house_opens_the_words(
    house: House, web: ClientSession, configured: Configure
) -> None:
    await configured()
    await tick(house, "plan", "valve")
    async with house.database.begin() as connection:
        await ticks.set_fact(connection, FAULTS, {"secret-launch": "no date"}, house.clock.now())
    bare = [{"code": "campaign_not_fired", "critical": False}]
    keys = {scope: await new_key(house, scope, scopes=[scope]) for scope in KeyScope}
    told = {scope: await wrong(web, key) for scope, key in keys.items()}
    full = [{**bare[0], "words": "campaign secret-launch cannot be fired: no date"}]
    assert told == {scope: full if scope in (KeyScope.CONSOLE, KeyScope.METRICS) else bare for scope in KeyScope}
    assert [await wrong(web, key) for key in (None, "wrong", make_key().text)] == [bare] * 3


async def test_wrong_keys_count_where_none_is_needed_too(house: House, configured: Configure) -> None:
    await configured()
    settings = Settings(http=HttpSettings(port=0, api_key=SecretStr(KEY), refused_rate=0.05), stop_grace=1)  # three a minute
    async with serving(replace(house, settings=settings)) as web:
        for _ in range(3):
            await wrong(web, make_key().text)
        async with web.get("/metrics", headers={"X-API-Key": make_key().text}) as answer:
            assert answer.status == 429


async def test_metrics_count_what_is_going_on(house: House, clock: VirtualClock, web: ClientSession, configured: Configure) -> None:
    await configured()
    await person(house.database, 1)
    await fire(house, clock.now())
    clock.advance_to(clock.now() + timedelta(minutes=16))
    await fire(house, clock.now())
    await plan(house, clock.now())
    await tick(house, "plan")
    async with house.database.begin() as connection:
        await limits.ensure(connection, account="popup", channel="popup", rate=20, now=clock.now())
        await limits.slow_down(connection, "popup", timedelta(seconds=30), "breaker", clock.now())
    async with web.get("/metrics", headers=AUTH) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        lines = (await answer.text()).splitlines()
    for line in (
        'kabar_messages{channel="popup",status="queued"} 1',
        'kabar_reservoir_messages{channel="popup"} 1',
        'kabar_account_held_seconds{account="popup",channel="popup"} 30',
        'kabar_account_rate{account="popup",channel="popup"} 20',
        'kabar_tick_age_seconds{tick="plan"} 0',
        "kabar_config_fault 0",
        "kabar_popup_streams 0",
        "# TYPE kabar_messages gauge",
    ):
        assert line in lines


async def test_metrics_want_a_key_also_on_this_machine(web: ClientSession) -> None:
    async with web.get("/metrics") as answer:
        assert answer.status == 401


async def test_a_restored_database_takes_events_and_receipts_and_says_that_nothing_is_sent(
    house: House, clock: VirtualClock, web: ClientSession, configured: Configure
) -> None:
    await configured()
    async with house.database.begin() as connection:
        await ticks.set_fact(connection, identity.RESTORED, {"why": "restored", "of": "2026-11-19T18:00:00+00:00"}, clock.now())
        await versions.pause(connection, campaign=None, channel=None, reason="restored", by="kabar", now=clock.now())
    async with web.get("/readyz") as answer:
        stranger = await answer.json()
        assert ("paused" in stranger, "kabar resume --all" in stranger["message"]) == (False, True)
    async with web.get("/readyz", headers=AUTH) as answer:
        assert answer.status == 200
        assert (await answer.json())["paused"] == "restored from a dump of 2026-11-19 18:00Z"
    async with house.database.begin() as connection:
        await versions.resume(connection, campaign=None, channel=None, everything=True)
    async with web.get("/readyz", headers=AUTH) as answer:
        assert "paused" not in await answer.json()
