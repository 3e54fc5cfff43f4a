"""One calendar's openings, kept: a tick asks for a few combinations of hours for thousands of people."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from config.values import OpenHours
from rules.calendar import HolidayCalendar
from rules.weekly import AnyOf
from rules.windows import Openings

_KEPT = 4096  # combinations; each holds a few kilobytes

AllOf = tuple[OpenHours, ...]
_Key = tuple[str, AllOf, AnyOf]


class Timetable:
    """Finds the Openings of a combination of hours: by identity first, since hashing weekly hours costs more than a decision."""

    def __init__(self, calendar: HolidayCalendar) -> None:
        self._calendar = calendar
        self._by_value: dict[_Key, Openings] = {}
        # The key is kept beside the answer, so that no id in use here can be given to another object.
        self._by_identity: dict[tuple[object, ...], tuple[Openings, _Key]] = {}

    def openings(self, zone: str, all_of: AllOf, any_of: AnyOf = ()) -> Openings:
        """When all of `all_of` are open, and one of `any_of` if there are any. zone: IANA name."""
        identity = (zone, *map(id, all_of), None, *map(id, any_of))
        if found := self._by_identity.get(identity):
            return found[0]
        if len(self._by_identity) >= _KEPT:
            self._by_identity.clear()
        key = (zone, all_of, any_of)
        openings = self._find(key)
        self._by_identity[identity] = openings, key
        return openings

    def _find(self, key: _Key) -> Openings:
        found = self._by_value.get(key)
        if found is None:
            if len(self._by_value) >= _KEPT:
                self._by_value.clear()
            zone, all_of, any_of = key
            needs = [(hours,) for hours in all_of] + ([any_of] if any_of else [])
            found = self._by_value[key] = Openings(self._calendar, zone, needs)
        return found


@lru_cache(maxsize=8)
def timetable(calendar: HolidayCalendar) -> Timetable:
    """The one timetable of a calendar; a new version of the rules comes with a new calendar."""
    return Timetable(calendar)


def is_open(hours: AllOf, zone: str, calendar: HolidayCalendar, at: datetime) -> bool:
    """Whether all of several hours are open at an instant (aware, UTC)."""
    return timetable(calendar).openings(zone, hours).is_open(at)


def next_open(hours: AllOf, zone: str, calendar: HolidayCalendar, after: datetime, before: datetime | None = None) -> datetime | None:
    """The earliest instant in [after, before) at which all of several hours are open; None when none within HORIZON."""
    return timetable(calendar).openings(zone, hours).next(after, before)


def closes_at(hours: AllOf, zone: str, calendar: HolidayCalendar, at: datetime) -> datetime | None:
    """When the opening that holds `at` ends; None when closed at `at`, or never closing within HORIZON."""
    return timetable(calendar).openings(zone, hours).closes(at)
