"""How full an evening gets, counted from real customers: whom a channel reaches, who agreed, and what its rate carries."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from scheduler.outlook import people, volume
from scheduler.outlook.days import coming_days
from scheduler.outlook.scene import Scene
from store.engine import Database
from store.volume import customers
from tests.scheduler.outlook import scene
from tests.world import at, campaign, files, person

FRIDAY = date(2026, 11, 20)
RATES = {"push": 500.0, "whatsapp": 80.0, "email": 50.0, "popup": 2000.0}

SUPPRESS = "INSERT INTO suppressions (kind, sort, value, person_id, channel, at, recorded_at, source, evidence)"


async def flows(database: Database, looked_at: Scene) -> list[volume.Flow]:
    async with database.begin() as connection:
        return list(volume.flows(looked_at, await volume.count(connection, looked_at)))


async def counted(database: Database, *campaigns: str) -> set[tuple[str, str, int, int]]:
    """(campaign, channel, messages, sends)."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for flow in await flows(database, scene(files(*campaigns))):
        messages, sends = sums.get((flow.campaign, flow.channel), (0, 0))
        sums[flow.campaign, flow.channel] = messages + flow.messages, sends + flow.sends
    return {(*key, *counts) for key, counts in sums.items()}


async def test_only_who_is_reached_and_agreed_is_counted(database: Database) -> None:
    async with database.begin() as connection:
        assert not await customers(connection)
    await person(database, 1)
    await person(database, 2, sorts=("email",))
    await person(database, 3, consents={})
    out = await person(database, 4)
    async with database.begin() as connection:
        await connection.execute(
            text(f"{SUPPRESS} VALUES ('opt_out', NULL, NULL, :id, 'push', now(), now(), 'operator', 'said so')"), {"id": out}
        )
    assert await counted(database, campaign(channels="[push, email]", category="promo")) == {
        ("hello", "push", 1, 1),
        ("hello", "email", 3, 3),
    }
    assert await counted(database, campaign(channels="[push]")) == {("hello", "push", 3, 3)}
    async with database.begin() as connection:
        assert await customers(connection)


async def test_every_device_is_a_message_to_the_provider_of_pushes(database: Database) -> None:
    one = await person(database, 1)
    async with database.begin() as connection:
        for value in ("second", "dead"):
            device = text("INSERT INTO addresses (person_id, sort, kind, value) VALUES (:id, 'push', 'token', :value)")
            await connection.execute(device, {"id": one, "value": value})
        await connection.execute(text(f"{SUPPRESS} VALUES ('address', 'push', 'dead', NULL, NULL, now(), now(), 'provider', 'x')"))
    assert await counted(database, campaign(channels="[push, popup]")) == {("hello", "push", 1, 2), ("hello", "popup", 1, 1)}


async def test_of_several_channels_the_first_that_reaches_is_counted(database: Database) -> None:
    await person(database, 1)
    await person(database, 2, sorts=("email",))
    await person(database, 3, sorts=())
    assert await counted(database, campaign(channels="{first: [whatsapp, email]}")) == {
        ("hello", "whatsapp", 1, 1),
        ("hello", "email", 1, 1),
    }


async def test_birthdays_are_counted_on_their_day(database: Database) -> None:
    await person(database, 1, birthday=date(1990, 11, 24))
    await person(database, 2, birthday=date(1984, 2, 29))
    await person(database, 3)
    born = files(campaign(when='{anniversary: birthday, time: "08:00"}'))
    found = await flows(database, scene(born))
    assert [(flow.occurrence.key, flow.messages) for flow in found] == [("2026-11-24T08:00", 1)]
    leap = replace(scene(born), now=at("2027-02-20 00:00"))
    assert [(flow.occurrence.key, flow.messages) for flow in await flows(database, leap)] == [("2027-02-28T08:00", 1)]


async def test_a_flow_goes_in_the_first_opening_by_its_people_s_own_clocks_and_consents(database: Database) -> None:
    await person(database, 1)
    await person(database, 2, timezone="Asia/Jayapura")
    await person(database, 3, consents={"push": {"marketing": True}})
    offer = files(campaign(category="promo", when='{cron: "45 18 * * fri"}', ends="2026-11-21", expires="2d"))
    found = {(flow.opens, flow.closes) for flow in await flows(database, scene(offer))}
    assert found == {
        (at("2026-11-20 19:00"), at("2026-11-20 21:30")),
        (at("2026-11-20 18:45"), at("2026-11-20 19:30")),
        (at("2026-11-21 10:00"), at("2026-11-21 18:00")),
    }


async def test_the_control_group_is_not_counted(database: Database) -> None:
    for number in range(40):
        await person(database, number)
    [(_, _, messages, _)] = await counted(database, campaign(control='{share: "50%"}'))
    assert 0 < messages < 40


@pytest.mark.parametrize(("rate", "over"), [(3 / 60, False), (2.9 / 60, True)])
async def test_an_evening_is_too_full_from_the_first_message_that_does_not_fit(database: Database, rate: float, over: bool) -> None:
    for number in range(3):
        await person(database, number)
    looked_at = scene(files(campaign(when='{at: "2026-11-20 21:29"}')))  # one minute until the window closes
    found = volume.loads(looked_at, await flows(database, looked_at), RATES | {"push": rate})
    told = [str(problem) for problem in volume.findings(looked_at, found, {"push": "KABAR_PUSH__RATE"})]
    assert bool(told) is over
    if told:
        assert told == [
            "config/schedules/c0.yaml:5:7: warning: 3 messages by push (hello) want to leave between Fri 20 Nov 21:29 and Fri 20 Nov "
            "21:30, and its rate carries 2: the last would leave 1 min after the window has closed; spread them over days, or raise "
            "KABAR_PUSH__RATE"
        ]


async def test_the_tightest_stretch_decides_however_long_the_rest_of_the_evening_is(database: Database) -> None:
    for number in range(4):
        await person(database, number)
    short = campaign("short", when='{at: "2026-11-20 19:00"}', expires="10m")
    looked_at = scene(files(short, campaign("long", when='{at: "2026-11-20 18:45"}')))
    [load] = volume.loads(looked_at, await flows(database, looked_at), RATES | {"push": 0.01})
    assert (load.messages, load.sends, load.capacity, load.campaigns) == (8, 4, 6, ("short",))
    [load] = volume.loads(looked_at, await flows(database, looked_at), RATES | {"push": 0.001})
    assert load.sends == 4


async def test_a_day_shows_what_opens_on_it_with_its_numbers_and_whoever_is_in_the_way(database: Database) -> None:
    await person(database, 1)
    first = campaign("first", when='{at: "2026-11-20 19:00"}')
    second = campaign("second", category="info", when='{at: "2026-11-20 18:45"}')
    looked_at = scene(files(second, first))
    found = await flows(database, looked_at)
    friday, saturday = coming_days(looked_at, FRIDAY, 2, found, volume.loads(looked_at, found, RATES))
    assert [(entry.campaign, dict(entry.messages)) for entry in friday.entries] == [("first", {"push": 1}), ("second", {"push": 1})]
    [clash] = friday.entries[1].clashes
    assert (clash.winner, clash.goes) == ("first", at("2026-11-21 10:00"))
    assert [(load.channel, load.messages) for load in friday.loads] == [("push", 2)]
    assert saturday.entries == ()


async def test_an_audience_larger_than_a_days_people_is_told(database: Database) -> None:
    for number in range(5):
        await person(database, number)
    looked_at = scene(files(campaign(channels="[whatsapp]", category="promo"), campaign("class", channels="[whatsapp]")))
    found = await flows(database, looked_at)

    def told(allowed: int | None) -> list[str]:
        warnings = people.findings(looked_at, found, {"whatsapp": allowed}, {"whatsapp": "KABAR_WHATSAPP__DAILY_PEOPLE"})
        return [warning.message.partition(", and KABAR")[0] for warning in warnings]

    assert told(None) == told(6) == []
    assert told(5) == []
    assert told(4) == ["5 customers by whatsapp"] * 2
    [one, two] = people.findings(looked_at, found, {"whatsapp": 2}, {"whatsapp": "KABAR_WHATSAPP__DAILY_PEOPLE"})
    assert {"it takes 3 days" in each.message for each in (one, two)} == {True}
