"""When hours are open: weekly hours in a time zone, with holidays, as stretches of UTC found by bisection."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from config.values import MINUTES_A_DAY
from rules.calendar import HolidayCalendar
from rules.localtime import at_minute, interval
from rules.weekly import AnyOf, common, may_open, on_day, united

HORIZON = timedelta(days=400)  # a day type that comes once a year comes within it

Interval = tuple[datetime, datetime]
Answer = tuple[datetime, datetime, Interval | None]  # since, till: what every question in [since, till) is answered

_SPANS = (timedelta(days=16), timedelta(days=80), HORIZON)
_MARGIN = 3  # days: a span ends up to two days after the midnight it starts on, and zones are up to one off UTC
_BEGINNING = datetime(1, 1, 5, tzinfo=UTC)
_END = datetime(9999, 12, 25, tzinfo=UTC)


class Openings:
    """The instants at which all of several needs are met; a need is met while any of its hours is open.

    Hours are combined as nominal local times and then placed in UTC, so that in each stretch clocks show a time inside all of
    them. Computed for some weeks around the questions asked, and further on demand; the answer to the last one is kept,
    because a tick asks for the same instant a thousand times.
    """

    __slots__ = ("_calendar", "_ends", "_last", "_needs", "_since", "_starts", "_zone")

    def __init__(self, calendar: HolidayCalendar, zone: str, needs: Iterable[AnyOf]) -> None:
        self._calendar = calendar
        self._zone = ZoneInfo(zone)
        self._needs = [need for need in needs if not any(hours.always for hours in need)]
        self._since = _END
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        self._last: Answer = (_END, _BEGINNING, None)
        if not self._needs:
            self._last = (_BEGINNING, _END, (_BEGINNING, _END))
        elif not may_open(self._needs):
            self._last = (_BEGINNING, _END, None)

    def opening(self, at: datetime) -> Interval | None:
        """The stretch [start, end) that holds `at`, else the next one; None when none opens within HORIZON."""
        since, till, answer = self._last
        return answer if since <= at < till else self._search(at)

    def is_open(self, at: datetime) -> bool:
        found = self.opening(at)
        return found is not None and found[0] <= at

    def next(self, after: datetime, before: datetime | None = None) -> datetime | None:
        """The earliest open instant in [after, before); None when there is none, or none within HORIZON."""
        since, till, found = self._last
        if not since <= after < till:
            found = self._find(after)[2]  # and the answer for `now` stays the one that is kept
        opens = found and max(found[0], after)
        return None if opens and before and opens >= before else opens

    def closes(self, at: datetime) -> datetime | None:
        """When the stretch that holds `at` ends; None when closed at `at`, or open for all of HORIZON."""
        found = self.opening(at)
        return found[1] if found and found[0] <= at and found[1] < min(_END, at + HORIZON) else None

    def _search(self, at: datetime) -> Interval | None:
        self._last = self._find(at)
        return self._last[2]

    def _find(self, at: datetime) -> Answer:
        if found := self._known(at):
            return found
        first = self._since if at - HORIZON < self._since <= at else at - timedelta(days=1)
        for span in _SPANS:
            self._compute(first, at + span, final=span == HORIZON)
            if found := self._known(at):
                return found
        return at, at + timedelta(days=1), None

    def _known(self, at: datetime) -> Answer | None:
        index = bisect_right(self._ends, at)
        if at < self._since or index == len(self._ends):
            return None
        start, end = self._starts[index], self._ends[index]
        return self._ends[index - 1] if index else self._since, end, (start, end)

    def _compute(self, first: datetime, last: datetime, *, final: bool) -> None:
        """All stretches that end after `first`; one still open when the computed days end is left out unless `final`."""
        days = range(first.toordinal() - _MARGIN, last.toordinal() + _MARGIN)
        holidays = [self._calendar.is_holiday(at_minute(day * MINUTES_A_DAY).date()) for day in days]
        nominal = common(
            [united(on_day(need, day, holiday=holiday) for day, holiday in zip(days, holidays, strict=True)) for need in self._needs]
        )
        self._since, self._starts, self._ends = first, [], []
        for start, end in nominal:
            if end >= days.stop * MINUTES_A_DAY and not final:
                break
            opens, closes = interval(at_minute(start), at_minute(end), self._zone)
            if opens < closes:
                self._add(opens, closes)

    def _add(self, opens: datetime, closes: datetime) -> None:
        if self._ends and opens <= self._ends[-1]:  # a skipped hour lay between them
            self._ends[-1] = closes
        else:
            self._starts.append(opens)
            self._ends.append(closes)
