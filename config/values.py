"""The small values operations write: durations, spans of a day, weekly hours, cap periods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = re.compile(r"(\d{1,9})([wdhms])", re.ASCII)
_LONGEST = 36_525 * 86_400  # what is longer leaves the calendar when it is counted back from now
_DURATION = re.compile(r"(?:\d{1,9}[wdhms])+", re.ASCII)


def parse_duration(value: object) -> timedelta:
    """`90s`, `45m`, `2h`, `1h30m`, `3d`, `2w` → timedelta. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError(f'"{value}" is not a duration; write 45m, 2h, 1h30m or 3d')
    seconds = sum(int(n) * _UNITS[unit] for n, unit in _PART.findall(value))
    if seconds > _LONGEST:
        raise ValueError(f'"{value}" is more than a hundred years')
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest spelling parse_duration reads back."""
    seconds, out = int(value.total_seconds()), ""
    for unit, size in _UNITS.items():
        if unit != "w" and seconds >= size:
            out += f"{seconds // size}{unit}"
            seconds %= size
    return out or "0s"


Duration = Annotated[timedelta, PlainValidator(parse_duration), PlainSerializer(format_duration)]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Minutes after the midnight the span starts on; `end` is beyond 1440 when it runs over the next midnight. Half-open."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{_clock(self.start)}-{_clock(self.end)}"


def _clock(minute: int) -> str:
    return "24:00" if minute == MINUTES_A_DAY else f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def _minute(text: str) -> int:
    found = re.fullmatch(r"([01]?\d|2[0-4]):([0-5]\d)", text.strip())
    if not found or (minute := int(found[1]) * 60 + int(found[2])) > MINUTES_A_DAY:
        raise ValueError(f'"{text.strip()}" is not a time of day; write 19:00')
    return minute


def parse_spans(value: object) -> tuple[Span, ...]:
    """`"19:00-21:30"`, `"08:00-10:00, 19:00-21:00"`, `"22:00-02:00"` (into the next day), or `closed`. Raises ValueError."""
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value)
    if not isinstance(value, str):
        raise ValueError(f'"{value}" is not a span of the day; write "19:00-21:30"')
    if value.strip().lower() in {"closed", "never", ""}:
        return ()
    spans = []
    for part in value.split(","):
        start, dash, end = part.partition("-")
        if not dash:
            raise ValueError(f'"{part.strip()}" is not a span of the day; write "19:00-21:30"')
        first, last = _minute(start), _minute(end)
        if first in (last, MINUTES_A_DAY):
            raise ValueError(f'"{part.strip()}" is an empty span; write "00:00-24:00" for a whole day')
        spans.append(Span(first, last if last > first else last + MINUTES_A_DAY))
    spans.sort()
    if any(before.end > after.start for before, after in pairwise(spans)):
        raise ValueError(f'"{value}" has spans that overlap')
    return tuple(spans)


WHOLE_DAY = (Span(0, MINUTES_A_DAY),)


@dataclass(frozen=True, slots=True)
class OpenHours:
    """When something is open, in the week of one time zone.

    days:    seven tuples of spans, Monday first
    holiday: spans on a holiday whatever its weekday; None = the day's own
    """

    days: tuple[tuple[Span, ...], ...]
    holiday: tuple[Span, ...] | None = None

    def spans(self, weekday: int, *, holiday: bool) -> tuple[Span, ...]:
        """Spans that start on a day; weekday 0 is Monday."""
        return self.holiday if holiday and self.holiday is not None else self.days[weekday]

    @property
    def always(self) -> bool:
        return all(day == WHOLE_DAY for day in self.days) and self.holiday in (None, WHOLE_DAY)


ALWAYS = OpenHours((WHOLE_DAY,) * 7)


def parse_window(value: object) -> OpenHours:
    """A delivery window as rules.yaml writes it: `always`, or a mapping of weekdays, weekends, holidays, mon … sun.

    A day that is not named is closed; holidays follow weekends unless given. Raises ValueError.
    """
    if isinstance(value, OpenHours):
        return value
    if value == "always":
        return ALWAYS
    if not isinstance(value, Mapping):
        raise ValueError('a window is "always" or {weekdays: "19:00-21:30", weekends: "10:00-21:30"}')
    known = {"weekdays", "weekends", "holidays", *WEEKDAYS}
    if unknown := [key for key in value if key not in known]:
        raise ValueError(f'a window has no "{unknown[0]}"; it has weekdays, weekends, holidays, mon, tue, … sun')
    weekdays, weekends = parse_spans(value.get("weekdays", "")), parse_spans(value.get("weekends", ""))
    days = tuple(
        parse_spans(value[name]) if name in value else (weekends if index > 4 else weekdays) for index, name in enumerate(WEEKDAYS)
    )
    return OpenHours(days, parse_spans(value["holidays"]) if "holidays" in value else weekends)


_RANGE = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?")


def _weekdays(text: str) -> set[int]:
    if text == "daily":
        return set(range(7))
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if not match or match[1] not in WEEKDAYS or (match[2] or match[1]) not in WEEKDAYS:
            raise ValueError(f'"{part}" is not a weekday; write Mon, Mon-Fri or daily')
        first, last = WEEKDAYS.index(match[1]), WEEKDAYS.index(match[2] or match[1])
        found |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return found


def parse_weekly_hours(value: object) -> OpenHours:
    """`Mon-Sat 08:00-18:00, no holidays`; several parts with `;` (`Mon-Fri 06:00-11:00; Sat 08:00-10:00`); `always`. Raises ValueError."""
    if isinstance(value, OpenHours):
        return value
    if not isinstance(value, str):
        raise ValueError(f'"{value}" are not weekly hours; write "Mon-Sat 08:00-18:00, no holidays"')
    text = " ".join(value.lower().split())
    if text == "always":
        return ALWAYS
    text, no_holidays = re.subn(r"[,;]? ?no holidays$", "", text)
    days: list[tuple[Span, ...]] = [()] * 7
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        names, _, hours = part.partition(" ")
        if not hours:
            raise ValueError(f'"{part}" is not a part of weekly hours; write "Mon-Fri 06:00-11:00"')
        for weekday in _weekdays(names):
            days[weekday] = parse_spans(hours)
    return OpenHours(tuple(days), () if no_holidays else None)


Window = Annotated[OpenHours, PlainValidator(parse_window)]
WeeklyHours = Annotated[OpenHours, PlainValidator(parse_weekly_hours)]


class Calendar(StrEnum):
    """A cap's calendar period, in the person's zone."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


Period = Calendar | timedelta


def parse_period(value: Any) -> Period:
    """`day`, `week`, `month` (calendar) or a rolling `24h`, `7d`. Raises ValueError."""
    if isinstance(value, Calendar | timedelta):
        return value
    if value in list(Calendar):
        return Calendar(value)
    try:
        period = parse_duration(value)
    except ValueError:
        raise ValueError(f'"{value}" is not a period; write day, week, month, or a rolling 24h, 7d') from None
    if not period:
        raise ValueError("a rolling period must be longer than 0s")
    return period


CapPeriod = Annotated[Period, PlainValidator(parse_period)]


def basis_points(value: object) -> int:
    """`10%` or `2.5%` → 1000 or 250. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,2}(?:\.\d{1,2})?)%", value.strip()) if isinstance(value, str) else None
    if not found or not (points := round(float(found[1]) * 100)):
        raise ValueError(f'"{value}" is not a share; write 5% or 2.5%, more than 0% and less than 100%')
    return points
