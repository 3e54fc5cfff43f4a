"""Examples of hours: on which days a window, and the customer's own hours, are open from when to when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from config.models import Rules
from config.strict import Strict, Zone
from config.values import OpenHours, WeeklyHours, parse_window
from rules.calendar import HolidayCalendar
from rules.timetable import timetable
from tests.worked.clock import read_day
from tests.worked.page import Block, rules

calendar_of = lru_cache(HolidayCalendar)  # reading the holidays of a year takes longer than an example


class Hours(Strict):
    """open: day → the stretches that begin on it, as clocks in the zone show them. window: a name of rules.yaml, or hours."""

    rules: Mapping[str, Any] = {}
    window: str | dict[str, Any]
    timezone: Zone = "Asia/Jakarta"
    contact_hours: WeeklyHours | None = None
    open: Mapping[str, str]


def stretches(block: Block) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What the example says, and what the rules say, of the same days."""
    example = Hours.model_validate(block.written)
    house = Rules.model_validate(rules(example.rules))
    window = house.windows[example.window] if isinstance(example.window, str) else parse_window(example.window)
    hours = (window, example.contact_hours) if example.contact_hours else (window,)
    calendar = calendar_of(house.holidays)
    return example.open, {day: _of_day(hours, example.timezone, calendar, read_day(day)) for day in example.open}


def _of_day(hours: tuple[OpenHours, ...], name: str, calendar: HolidayCalendar, day: date) -> str:
    zone, openings = ZoneInfo(name), timetable(calendar).openings(name, hours)
    at, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    found = []
    while (stretch := openings.opening(at)) and stretch[0] < end:
        opens, closes = (each.astimezone(zone) for each in stretch)
        if opens.date() == day:
            at_midnight = closes.time() == time() and closes.date() > day
            found.append(f"{opens:%H:%M}-{'24:00' if at_midnight else f'{closes:%H:%M}'}")
        at = stretch[1]
    return ", ".join(found) or "closed"
