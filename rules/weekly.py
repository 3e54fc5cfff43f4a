"""Arithmetic of weekly hours on nominal minutes: a day's spans, their union, what several have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from config.values import MINUTES_A_DAY, OpenHours

AnyOf = tuple[OpenHours, ...]
Stretches = list[tuple[int, int]]  # half-open, in minutes since the first midnight of the calendar


def on_day(need: AnyOf, day: int, *, holiday: bool) -> Stretches:
    """Spans that start on a day, of any of the hours. day: proleptic ordinal, 1 = a Monday."""
    midnight = day * MINUTES_A_DAY
    return [(midnight + span.start, midnight + span.end) for hours in need for span in hours.spans((day - 1) % 7, holiday=holiday)]


def united(days: Iterable[Stretches]) -> Stretches:
    """Sorted and merged, also where one ends as the next begins (24:00 and 00:00)."""
    merged: Stretches = []
    for start, end in sorted(stretch for day in days for stretch in day):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def common(lists: Sequence[Stretches]) -> Stretches:
    """What is in every one of several merged lists; at least one list."""
    shared, *others = lists
    for other in others:
        shared = _intersection(shared, other)
    return shared


def _intersection(left: Stretches, right: Stretches) -> Stretches:
    shared: Stretches = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            shared.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return shared


def may_open(needs: Sequence[AnyOf]) -> bool:
    """Whether some day of the week, it or the two before being a holiday or not, has a minute that meets every need."""
    for day, holidays in product(range(8, 15), product((False, True), repeat=3)):
        days = list(zip(range(day - 2, day + 1), holidays, strict=True))
        if common([united(on_day(need, each, holiday=holiday) for each, holiday in days) for need in needs]):
            return True
    return False
