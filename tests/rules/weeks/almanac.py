"""Time as the oracle reads it: a clock on a wall, looked at minute by minute, and what it shows kept as one bit a minute.

Hours in these weeks begin and end on quarters of an hour, so the clock is looked at four times an hour. Minute 0 is the start
of the week; what happened before has a negative number. No week here has an hour that comes twice.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from holidays import country_holidays

from config.values import OpenHours

MINUTE = timedelta(minutes=1)
QUARTER, DAYS = 15, 21
LENGTH = DAYS * 1440  # minutes that are looked at; nothing waits longer
EVER = (1 << LENGTH) - 1
_FAR = 400  # days within which hours that ever open do open


def first(minutes: int, since: int = 0) -> int | None:
    """The first minute of a set at or after `since`."""
    left = minutes >> max(since, 0)
    return max(since, 0) + (left & -left).bit_length() - 1 if left else None


def between(start: int, end: int) -> int:
    """The set of the minutes in [start, end) that are looked at."""
    start, end = max(start, 0), min(end, LENGTH)
    return ((1 << (end - start)) - 1) << start if start < end else 0


@cache
def official() -> frozenset[date]:
    """Indonesia's holidays and joint leave."""
    return frozenset(country_holidays("ID", years=range(2025, 2029), categories=("public", "government")))


Day = tuple[int, bool, bool]  # weekday, whether it is a holiday, whether the day before was


def kind(day: date, holidays: frozenset[date]) -> Day:
    return day.weekday(), day in holidays, day - timedelta(days=1) in holidays


def shows_open(minute: int, day: Day, hours: OpenHours) -> bool:
    """Whether a time of the day lies in a span of the day, or in one of the day before that runs over midnight."""
    weekday, holiday, holiday_before = day
    for back, began, free in ((0, weekday, holiday), (1, (weekday - 1) % 7, holiday_before)):
        spans = hours.holiday if free and hours.holiday is not None else hours.days[began]
        if any(span.start <= minute + back * 1440 < span.end for span in spans):
            return True
    return False


class Dial:
    """Some hours, and for each kind of day at which quarters of an hour they are open. Hours are told apart by identity: it is quick."""

    def __init__(self, hours: OpenHours) -> None:
        self._hours = hours
        self._quarters: dict[Day, list[bool]] = {}

    def quarters(self, day: Day) -> list[bool]:
        if day not in self._quarters:
            self._quarters[day] = [shows_open(minute, day, self._hours) for minute in range(0, 1440, QUARTER)]
        return self._quarters[day]


_dials: dict[int, Dial] = {}


def dial(hours: OpenHours) -> Dial:
    if id(hours) not in _dials:
        _dials[id(hours)] = Dial(hours)
    return _dials[id(hours)]


@cache
def shown(start: datetime, zone: str, minute: int) -> datetime:
    """What a clock in a zone shows, minutes after the start."""
    return (start + minute * MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


class Almanac:
    """One week's start, and the holidays in force: Indonesia's, and those added."""

    def __init__(self, start: datetime, added: frozenset[date]) -> None:
        self.start = start
        self.holidays = official() | added
        self._kinds = {day: kind(day, self.holidays) for day in (start.date() + timedelta(days=n) for n in range(-1, _FAR))}
        self._open: dict[tuple[int, str], int] = {}

    def minute(self, at: datetime) -> int:
        number, rest = divmod(at - self.start, MINUTE)
        assert not rest, f"{at} is not on a whole minute"
        return number

    def at(self, minute: int) -> datetime:
        return self.start + minute * MINUTE

    def clock(self, zone: str, minute: int) -> datetime:
        return shown(self.start, zone, minute)

    def open(self, hours: OpenHours, zone: str) -> int:
        """The set of the minutes at which hours are open."""
        key = id(hours), zone
        if key not in self._open:
            found = 0
            for minute in range(0, LENGTH, QUARTER):
                seen = self.clock(zone, minute)
                if dial(hours).quarters(self._kinds[seen.date()])[(seen.hour * 60 + seen.minute) // QUARTER]:
                    found |= between(minute, minute + QUARTER)
            self._open[key] = found
        return self._open[key]

    def ever_open(self, *all_of: OpenHours) -> bool:
        """Whether on some day a clock shows a time at which all of them are open."""
        return any(any(map(all, zip(*(dial(hours).quarters(day) for hours in all_of), strict=True))) for day in set(self._kinds.values()))

    def next_midnight(self, zone: str, minute: int) -> int:
        """The first minute of the next date."""
        return next(day for day in _midnights(self.start, zone) if day > minute)

    def midnights(self, zone: str) -> list[int]:
        return _midnights(self.start, zone)


@cache
def _midnights(start: datetime, zone: str) -> list[int]:
    quarters = range(QUARTER, LENGTH, QUARTER)
    return [n for n in quarters if shown(start, zone, n).date() != shown(start, zone, n - QUARTER).date()]


@cache
def almanac(start: str, added: frozenset[date] = frozenset()) -> Almanac:
    """start: a date; the week begins at its midnight in UTC."""
    return Almanac(datetime.fromisoformat(start).replace(tzinfo=UTC), added)
