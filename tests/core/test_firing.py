"""Triggers, occurrences and catching up, on a virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.registry import CHANNELS
from config.catalog import Config
from config.loader import parse
from config.when import When
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.plan import birthdays, plan
from rules.calendar import HolidayCalendar
from scheduler.bootstrap import contents
from scheduler.firing import fire
from scheduler.occurrences import occurrences
from tests.world import RULES, at, campaign, configure, files, person, rows


def read(when: str, **changes: str) -> Config:
    return parse(files(campaign(when=when, **changes)), contents(CHANNELS))


def keys(config: Config, since: str, until: str) -> list[str]:
    calendar = HolidayCalendar(config.rules.holidays)
    return [found.key for found in occurrences(config, config.campaigns["hello"], calendar, at(since), at(until))]


@pytest.mark.parametrize(
    ("when", "since", "until", "expected"),
    [
        ('{at: "2026-11-20 18:45"}', "2026-11-20 18:44", "2026-11-20 18:45", ["2026-11-20T18:45"]),
        ('{at: "2026-11-20 18:45"}', "2026-11-20 18:45", "2026-11-20 18:46", []),
        ('{cron: "0 9 * * mon-fri"}', "2026-11-20 12:00", "2026-11-24 12:00", ["2026-11-23T09:00", "2026-11-24T09:00"]),
        ('{cron: "0 9 * * sun"}', "2026-11-20 00:00", "2026-11-30 00:00", ["2026-11-22T09:00", "2026-11-29T09:00"]),
        ('{cron: "0 9 * * *", on: first-working-day}', "2026-12-20 00:00", "2027-02-10 00:00", ["2027-01-04T09:00", "2027-02-01T09:00"]),
        ("{every: 8h}", "2026-11-20 07:00", "2026-11-20 17:00", ["2026-11-20T08:00", "2026-11-20T16:00"]),
        ("{before: class, by: 1h}", "2026-11-20 00:00", "2026-11-21 00:00", ["2026-11-20T19:00"]),
        ("{after: class, by: 30m}", "2026-11-20 00:00", "2026-11-21 00:00", ["2026-11-20T20:30"]),
        ('{anniversary: birthday, time: "08:00"}', "2026-11-20 07:00", "2026-11-21 09:00", ["2026-11-20T08:00", "2026-11-21T08:00"]),
    ],
)
def test_a_trigger_falls_due_at_its_nominal_times(when: str, since: str, until: str, expected: list[str]) -> None:
    assert keys(read(when), since, until) == expected


def test_a_business_event_hands_its_data_to_the_templates() -> None:
    config = read("{before: class, by: 1h}")
    [found] = occurrences(
        config, config.campaigns["hello"], HolidayCalendar(config.rules.holidays), at("2026-11-20 00:00"), at("2026-11-21 00:00")
    )
    assert found.data == {"title": "Kelas", "at": "2026-11-20T20:00:00"}


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Asia/Jakarta"]),
    hour=st.integers(0, 23),
    minute=st.sampled_from([0, 15, 30, 45]),
    first=st.dates(min_value=datetime(2026, 1, 1, tzinfo=UTC).date(), max_value=datetime(2035, 12, 31, tzinfo=UTC).date()),
)
def test_every_local_date_fires_once_through_any_change_of_clocks(zone: str, hour: int, minute: int, first: datetime) -> None:
    rules = f"timezone: {zone}\n{RULES}"
    config = parse(files(campaign(when=f'{{cron: "{minute} {hour} * * *"}}'), rules=rules), contents(CHANNELS))
    start = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone))
    calendar = HolidayCalendar(config.rules.holidays)
    found = []
    moment = start.astimezone(UTC)
    while moment < start.astimezone(UTC) + timedelta(days=14):  # as ticks do, in steps that do not respect days
        later = moment + timedelta(hours=7, minutes=13)
        found += [item.key[:10] for item in occurrences(config, config.campaigns["hello"], calendar, moment, later)]
        moment = later
    assert len(found) == len(set(found))
    whole = {(start + timedelta(days=day)).date().isoformat() for day in range(1, 13)}
    assert whole <= set(found)


async def _runs(house: House) -> list[tuple[str, str, str | None]]:
    found = await rows(house.database, "SELECT occurrence, status, reason FROM runs ORDER BY due_at")
    return [(row.occurrence, row.status, row.reason) for row in found]


@pytest.mark.parametrize(
    ("catch_up", "expires", "expected"),
    [
        ("all", "7d", ["due", "due", "due"]),
        ("latest", "7d", ["missed:catch_up_latest", "missed:catch_up_latest", "due"]),
        ("skip", "7d", ["missed:catch_up_skip", "missed:catch_up_skip", "missed:catch_up_skip"]),
        ("all", "30h", ["missed:expired", "missed:expired", "due"]),
    ],
)
async def test_what_was_missed_while_down_is_caught_up_by_its_policy(
    house: House, clock: VirtualClock, catch_up: str, expires: str, expected: list[str]
) -> None:
    await configure(house, files(campaign(when='{cron: "0 9 * * *"}', catch_up=catch_up, expires=expires)))
    await fire(house, clock.now())
    clock.advance_to(at("2026-11-23 18:00"))  # three days later
    await fire(house, clock.now())
    assert [reason or status for _, status, reason in await _runs(house)] == expected


async def test_a_new_campaign_is_not_caught_up_to_before_it_was_published(house: House, clock: VirtualClock) -> None:
    await configure(house, files(campaign(when='{cron: "0 9 * * *"}')))
    await fire(house, clock.now())
    assert await _runs(house) == []


async def test_any_number_of_schedulers_make_one_run_and_one_message(house: House, clock: VirtualClock) -> None:
    await person(house.database, 1)
    await configure(house, files(campaign()))
    await fire(house, clock.now())
    clock.advance_to(at("2026-11-20 18:50"))
    for _ in range(3):
        await fire(house, clock.now())
        await plan(house, clock.now())
    assert [run[0] for run in await _runs(house)] == ["2026-11-20T18:45"]
    assert len(await rows(house.database, "SELECT FROM messages")) == 1


def test_the_29th_of_february_is_kept_on_the_28th_in_a_common_year() -> None:
    assert birthdays(at("2027-02-28 08:00").date()) == ("02-28", "02-29")
    assert birthdays(at("2028-02-28 08:00").date()) == ("02-28",)
    assert birthdays(at("2028-02-29 08:00").date()) == ("02-29",)


def test_two_triggers_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        When.model_validate({"cron": "0 9 * * *", "every": "1h"})
