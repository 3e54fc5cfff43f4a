"""Twenty zones over ten years: each local date fires once, whatever the clocks of the zone do, and those of the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import pytest

from channels.registry import CHANNELS
from config.catalog import Config
from config.loader import parse
from rules.calendar import HolidayCalendar
from scheduler.bootstrap import contents
from scheduler.occurrences import Occurrence, occurrences
from tests.world import RULES, campaign, files

ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana", "America/New_York", "America/Nuuk", "America/Santiago",
    "America/St_Johns", "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza", "Asia/Jakarta", "Asia/Jerusalem", "Asia/Kathmandu",
    "Atlantic/Azores", "Australia/Lord_Howe", "Europe/Dublin", "Europe/Lisbon", "Pacific/Chatham", "Pacific/Easter",
)  # fmt: skip
START, END = datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2036-01-01")  # local times, like those below
HOURS = ("00:00", "00:30", "02:15")  # clocks change at these
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@cache
def changes(zone: str) -> tuple[datetime, ...]:
    """Local dates, at midnight, on which the zone's clocks change."""
    local = ZoneInfo(zone)
    days = [START + DAY * number for number in range((END - START).days)]
    offsets = [day.replace(tzinfo=local).utcoffset() for day in [*days, END]]
    return tuple(day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after)


@cache
def config_of(zone: str) -> Config:
    """Every kind of `when` that a clock brings about, at the hours at which clocks change."""
    campaigns = [campaign(f"birthday-{index}", when=f'{{anniversary: birthday, time: "{at}"}}') for index, at in enumerate(HOURS)]
    campaigns += [campaign(f"cron-{index}", when=f'{{cron: "{int(at[3:])} {int(at[:2])} * * *"}}') for index, at in enumerate(HOURS)]
    dates = ", ".join(f'"{day:%Y-%m-%d} {at}"' for day in changes(zone) for at in HOURS) or '"2026-03-29 02:15"'
    events = ", ".join(f'{{at: "{day:%Y-%m-%d} {at}"}}' for day in changes(zone) for at in HOURS) or '{at: "2026-03-29 02:15"}'
    campaigns += [campaign("dates", when=f"{{at: [{dates}]}}"), campaign("every", when="{every: 6h}")]
    campaigns += [campaign("before", when="{before: change, by: 1h}"), campaign("after", when="{after: change, by: 30m}")]
    written = files(*campaigns, rules=f"timezone: {zone}\n{RULES}") | {"events.yaml": f"business: {{change: [{events}]}}"}
    return parse(written, contents(CHANNELS))


def fired(zone: str, name: str, moments: Iterator[datetime]) -> list[Occurrence]:
    """What a scheduler fires that looks at these moments; as firing does, it never looks back behind the latest."""
    config = config_of(zone)
    calendar = HolidayCalendar(config.rules.holidays)
    seen, found = next(moments), []
    for now in moments:
        found += occurrences(config, config.campaigns[name], calendar, seen, now)
        seen = max(seen, now)
    return found


def restless(start: datetime, end: datetime, chance: Random, longest: timedelta) -> Iterator[datetime]:
    """Uneven looks; now and then the machine's clock is set forth or back an hour, or the machine slept."""
    now = start
    while now < end:
        yield now + chance.choice((0, 0, 0, 1, -1)) * HOUR
        now += longest * chance.random() + timedelta(seconds=1)
    yield end + 2 * HOUR


def utc(local: datetime, zone: str) -> datetime:
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def days_of(found: list[Occurrence], first: datetime, last: datetime) -> Counter[str]:
    return Counter(item.key[:10] for item in found if f"{first:%Y-%m-%d}" <= item.key[:10] < f"{last:%Y-%m-%d}")


@pytest.mark.parametrize("zone", ZONES)
def test_every_local_date_of_ten_years_fires_once(zone: str) -> None:
    dates = [f"{START + DAY * number:%Y-%m-%d}" for number in range((END - START).days)]
    for index, at in enumerate(HOURS):
        chance = Random(f"{zone} {at}")
        found = fired(zone, f"birthday-{index}", restless(utc(START - DAY, zone), utc(END + DAY, zone), chance, timedelta(days=90)))
        assert days_of(found, START, END) == Counter(dates)
        # At its hour; where clocks skip that, at the moment they do, which is on the same date.
        assert all(item.at.astimezone(ZoneInfo(zone)).date().isoformat() == item.key[:10] for item in found)


@pytest.mark.parametrize("zone", ZONES)
def test_a_cron_fires_once_a_date_around_every_change_though_the_machine_sleeps_and_its_clock_jumps(zone: str) -> None:
    for index, at in enumerate(HOURS):
        for change in changes(zone):
            chance, first, last = Random(f"{zone} {at} {change}"), change - 2 * DAY, change + 2 * DAY
            found = fired(zone, f"cron-{index}", restless(utc(first - DAY, zone), utc(last + DAY, zone), chance, 9 * HOUR))
            assert days_of(found, first, last) == Counter(f"{first + DAY * number:%Y-%m-%d}" for number in range(4))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", ["dates", "before", "after"])
def test_each_date_and_each_event_fires_once(zone: str, name: str) -> None:
    found = fired(zone, name, restless(utc(START - DAY, zone), utc(END + DAY, zone), Random(zone), timedelta(days=40)))
    shift = {"dates": timedelta(), "before": -HOUR, "after": HOUR / 2}[name]
    written = [day + timedelta(hours=int(at[:2]), minutes=int(at[3:])) for day in changes(zone) for at in HOURS]
    written = written or [datetime.fromisoformat("2026-03-29T02:15")]
    assert Counter(item.key for item in found) == Counter(f"{at + shift:%Y-%m-%dT%H:%M}" for at in written)


@pytest.mark.parametrize("zone", ZONES)
def test_every_six_hours_is_four_times_each_local_date(zone: str) -> None:
    found = fired(zone, "every", restless(utc(START - DAY, zone), utc(END + DAY, zone), Random(zone), timedelta(days=60)))
    assert set(days_of(found, START, END).values()) == {4}
    assert max(Counter(item.key for item in found).values()) == 1


def test_the_zones_do_what_they_are_here_for() -> None:
    assert len(ZONES) == 20
    assert sum(bool(changes(zone)) for zone in ZONES) >= 15
    seasons = [datetime.fromisoformat(day) for day in ("2026-01-15", "2026-07-15")]
    assert {ZoneInfo("Australia/Lord_Howe").utcoffset(day) for day in seasons} == {10.5 * HOUR, 11 * HOUR}
    assert {ZoneInfo("Antarctica/Troll").utcoffset(day) for day in seasons} == {0 * HOUR, 2 * HOUR}


def test_a_date_that_a_zone_leaves_out_fires_at_the_moment_it_does() -> None:
    """Samoa had no 30 December 2011; whoever has a birthday then is not passed over."""
    config = parse(
        files(campaign(when='{anniversary: birthday, time: "08:00"}'), rules=f"timezone: Pacific/Apia\n{RULES}"), contents(CHANNELS)
    )
    calendar = HolidayCalendar(config.rules.holidays)
    since, until = datetime(2011, 12, 29, 12, tzinfo=UTC), datetime(2011, 12, 31, 12, tzinfo=UTC)
    found = occurrences(config, config.campaigns["hello"], calendar, since, until)
    assert [(item.key, item.at) for item in found] == [
        ("2011-12-29T08:00", datetime(2011, 12, 29, 18, tzinfo=UTC)),
        ("2011-12-30T08:00", datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("2011-12-31T08:00", datetime(2011, 12, 30, 18, tzinfo=UTC)),
    ]
