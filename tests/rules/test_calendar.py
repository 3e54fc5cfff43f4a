from __future__ import annotations

from datetime import date

import pytest

from config.models import Holidays
from rules.calendar import HolidayCalendar
from tests.rules.make import CALENDAR


def test_independence_day_and_joint_leave_are_holidays() -> None:
    assert CALENDAR.name(date(2026, 8, 17)) == "Independence Day"
    assert CALENDAR.is_holiday(date(2026, 12, 24))  # cuti bersama
    assert not CALENDAR.is_holiday(date(2026, 8, 18))
    assert CALENDAR.name(date(2026, 8, 18)) is None


def test_2026_has_the_25_days_of_the_official_list() -> None:
    days = (date.fromordinal(n) for n in range(date(2026, 1, 1).toordinal(), date(2027, 1, 1).toordinal()))
    assert sum(map(CALENDAR.is_holiday, days)) == 25


def test_days_are_added_and_struck_by_hand() -> None:
    calendar = HolidayCalendar(Holidays(add=(date(2026, 8, 18),), strike=(date(2026, 8, 17),)))
    assert calendar.is_holiday(date(2026, 8, 18))
    assert calendar.name(date(2026, 8, 18)) == "holiday added in rules.yaml"
    assert not calendar.is_holiday(date(2026, 8, 17))


def test_working_days_are_monday_to_friday_without_holidays() -> None:
    assert CALENDAR.is_working_day(date(2026, 8, 14))
    assert not CALENDAR.is_working_day(date(2026, 8, 15))
    assert not CALENDAR.is_working_day(date(2026, 8, 17))


def test_first_and_last_working_day_step_over_weekends_and_holidays() -> None:
    assert CALENDAR.first_working_day(2026, 1) == date(2026, 1, 2)
    assert CALENDAR.first_working_day(2026, 6) == date(2026, 6, 2)
    assert CALENDAR.last_working_day(2026, 5) == date(2026, 5, 29)
    assert CALENDAR.last_working_day(2026, 12) == date(2026, 12, 31)


def test_a_month_of_holidays_has_no_working_day() -> None:
    february = tuple(date(2026, 2, day) for day in range(1, 29))
    assert HolidayCalendar(Holidays(add=february)).first_working_day(2026, 2) is None


def test_a_country_without_joint_leave_has_its_public_holidays() -> None:
    assert HolidayCalendar(Holidays(country="DE")).is_holiday(date(2026, 10, 3))


def test_an_unknown_country_is_named() -> None:
    with pytest.raises(ValueError, match='country "XX" is not known'):
        HolidayCalendar(Holidays(country="XX"))
