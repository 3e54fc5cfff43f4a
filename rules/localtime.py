"""Nominal local times to instants: what becomes of an hour that a clock change skips or repeats."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from config.values import MINUTES_A_DAY, Calendar

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


def instants(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First and last UTC instant at which clocks show a naive local time; both are the moment of change when none does."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    last = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first <= last:
        return first, last
    change = _change(last, first, zone)
    return change, change


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second in (before, after] that has the offset of `after`."""
    offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return before + timedelta(seconds=high)


def interval(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The one stretch of UTC that a naive local [start, end) opens; empty (start = end) when the change swallowed it.

    Clocks show a time inside [start, end) all along. What is repeated is inside when the stretch runs through the change, and
    otherwise counts once: the first pass when all of it lies in the repeated hour, else the pass that joins the rest.
    """
    opens, opens_again = instants(start, zone)
    closes = instants(end, zone)[0]
    if opens == opens_again or _once(start - _MINUTE, zone):  # not repeated, or from the first repeated minute on
        return opens, closes
    first_pass_ends = instants(end - _MINUTE, zone)[0] + _MINUTE
    return (opens, first_pass_ends) if first_pass_ends <= opens_again else (opens_again, closes)


def _once(local: datetime, zone: ZoneInfo) -> bool:
    first, last = instants(local, zone)
    return first == last


def at_minute(minute: int) -> datetime:
    """Minutes since the first midnight of the proleptic calendar (`ordinal * 1440 + minute of the day`) → naive local time."""
    return datetime.combine(date.fromordinal(minute // MINUTES_A_DAY), time()) + timedelta(minutes=minute % MINUTES_A_DAY)


@lru_cache(maxsize=4096)
def period(kind: Calendar, zone: str, at: datetime) -> tuple[datetime, datetime]:
    """UTC [start, end) of the calendar day, week (from Monday) or month that holds `at` in a zone."""
    local = ZoneInfo(zone)
    today = at.astimezone(local).date()
    if kind is Calendar.DAY:
        start, end = today, today + _DAY
    elif kind is Calendar.WEEK:
        start = today - timedelta(days=today.weekday())
        end = start + timedelta(days=7)
    else:
        start = today.replace(day=1)
        end = (start + timedelta(days=31)).replace(day=1)
    return instants(datetime.combine(start, time()), local)[0], instants(datetime.combine(end, time()), local)[0]
