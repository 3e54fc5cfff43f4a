from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from config.models import Holidays
from config.values import ALWAYS, OpenHours, parse_weekly_hours, parse_window
from rules.calendar import HolidayCalendar
from rules.timetable import Timetable, closes_at, is_open, next_open
from rules.windows import HORIZON
from tests.rules.make import AFTER_OFFICE, CALENDAR, DAY, HOUR, JAKARTA, at

NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"
MINUTE = timedelta(minutes=1)


def opens(text: str, hours: OpenHours = AFTER_OFFICE, zone: str = JAKARTA) -> bool:
    return is_open((hours,), zone, CALENDAR, at(text, zone))


def stretches(hours: OpenHours, zone: str, after: datetime, count: int) -> list[tuple[datetime, datetime]]:
    found = []
    for _ in range(count):
        start = next_open((hours,), zone, CALENDAR, after)
        assert start is not None
        end = closes_at((hours,), zone, CALENDAR, start)
        assert end is not None
        found.append((start, end))
        after = end
    return found


def test_friday_evening_opens_at_seven_sharp() -> None:
    assert not opens("2026-08-14 18:59")
    assert opens("2026-08-14 19:00")
    assert opens("2026-08-14 21:29")
    assert not opens("2026-08-14 21:30")


def test_saturday_opens_at_ten() -> None:
    assert not opens("2026-08-15 09:59")
    assert opens("2026-08-15 10:00")


def test_a_holiday_on_a_weekday_follows_the_weekend() -> None:
    assert opens("2026-08-17 10:00")  # Independence Day, a Monday
    assert not opens("2026-08-18 10:00")


def test_joint_leave_follows_the_weekend() -> None:
    assert opens("2026-12-24 10:00")


def test_a_struck_holiday_is_a_weekday_again() -> None:
    calendar = HolidayCalendar(Holidays(strike=(date(2026, 8, 17),)))
    assert not is_open((AFTER_OFFICE,), JAKARTA, calendar, at("2026-08-17 10:00"))


def test_holiday_hours_may_be_given() -> None:
    hours = parse_window({"weekdays": "19:00-21:30", "weekends": "10:00-21:30", "holidays": "12:00-13:00"})
    assert not opens("2026-08-17 10:00", hours)
    assert opens("2026-08-17 12:00", hours)


def test_the_weekday_is_judged_in_the_windows_own_zone() -> None:
    friday_in_los_angeles = at("2026-08-14 19:30", "America/Los_Angeles")
    assert friday_in_los_angeles.astimezone(UTC).strftime("%a") == "Sat"
    assert is_open((AFTER_OFFICE,), "America/Los_Angeles", CALENDAR, friday_in_los_angeles)
    assert not is_open((AFTER_OFFICE,), "America/Los_Angeles", CALENDAR, at("2026-08-14 17:00", "America/Los_Angeles"))


def test_hours_across_midnight_belong_to_the_day_they_start() -> None:
    late = parse_weekly_hours("Fri 22:00-02:00")
    assert opens("2026-08-15 01:59", late)
    assert not opens("2026-08-15 02:00", late)
    assert not opens("2026-08-14 01:00", late)
    assert stretches(late, JAKARTA, at("2026-08-14 12:00"), 1) == [(at("2026-08-14 22:00"), at("2026-08-15 02:00"))]


def test_hours_that_touch_at_midnight_are_one_stretch() -> None:
    hours = parse_weekly_hours("Fri 22:00-24:00; Sat 00:00-03:00")
    assert stretches(hours, JAKARTA, at("2026-08-14 12:00"), 1) == [(at("2026-08-14 22:00"), at("2026-08-15 03:00"))]


def test_next_open_is_the_moment_itself_when_open() -> None:
    now = at("2026-08-14 20:11")
    assert next_open((AFTER_OFFICE,), JAKARTA, CALENDAR, now) == now


def test_next_open_from_friday_night_is_saturday_morning() -> None:
    assert next_open((AFTER_OFFICE,), JAKARTA, CALENDAR, at("2026-08-14 21:30")) == at("2026-08-15 10:00")


def test_next_open_looks_no_further_than_asked() -> None:
    after, opening = at("2026-08-14 21:30"), at("2026-08-15 10:00")
    assert next_open((AFTER_OFFICE,), JAKARTA, CALENDAR, after, before=opening) is None
    assert next_open((AFTER_OFFICE,), JAKARTA, CALENDAR, after, before=opening + MINUTE) == opening


def test_several_hours_are_open_where_all_are() -> None:
    mornings = parse_weekly_hours("Mon-Fri 06:00-11:00")  # a person's own: mornings only, never weekends
    window = parse_window({"weekdays": "10:00-21:00", "weekends": "10:00-21:00"})
    assert next_open((window, mornings), JAKARTA, CALENDAR, at("2026-08-14 11:00")) == at("2026-08-17 10:00")
    assert closes_at((window, mornings), JAKARTA, CALENDAR, at("2026-08-14 10:30")) == at("2026-08-14 11:00")


def test_hours_that_never_meet_are_never_open() -> None:
    mornings = parse_weekly_hours("Mon-Fri 06:00-11:00, no holidays")
    assert next_open((AFTER_OFFICE, mornings), JAKARTA, CALENDAR, at("2026-08-14 11:00")) is None


def test_mornings_on_weekdays_meet_an_evening_window_on_a_holiday_only() -> None:
    hours = (AFTER_OFFICE, parse_weekly_hours("Mon-Fri 06:00-11:00"))
    assert next_open(hours, JAKARTA, CALENDAR, at("2026-08-14 11:00")) == at("2026-08-17 10:00")


def test_always_is_open_and_never_closes() -> None:
    assert is_open((ALWAYS,), JAKARTA, CALENDAR, at("2026-08-14 03:00"))
    assert closes_at((ALWAYS,), JAKARTA, CALENDAR, at("2026-08-14 03:00")) is None


def test_hours_of_no_day_never_open() -> None:
    assert next_open((parse_window({}),), JAKARTA, CALENDAR, at("2026-08-14 11:00")) is None


def test_a_day_type_that_comes_once_a_year_is_found() -> None:
    calendar = HolidayCalendar(Holidays(country="DE"))
    holiday_mondays = (parse_window({"holidays": "10:00-12:00"}), parse_weekly_hours("Mon 10:00-12:00"))
    assert next_open(holiday_mondays, BERLIN, calendar, at("2026-05-25 12:00", BERLIN)) == at("2027-03-29 10:00", BERLIN)


def test_what_opens_beyond_the_horizon_is_never_until_it_comes_near() -> None:
    calendar = HolidayCalendar(Holidays(country="DE", add=(date(2028, 6, 13),)))
    holiday_tuesdays = (parse_window({"holidays": "10:00-12:00"}), parse_weekly_hours("Tue 10:00-12:00"))
    opening = at("2028-06-13 10:00", BERLIN)
    assert next_open(holiday_tuesdays, BERLIN, calendar, opening - HORIZON - 10 * DAY) is None
    assert next_open(holiday_tuesdays, BERLIN, calendar, opening - HORIZON + 10 * DAY) == opening


@pytest.mark.parametrize("zone, day", [(BERLIN, "2026-03-29"), (NEW_YORK, "2026-03-08")])
def test_an_hour_that_is_skipped_is_not_open(zone: str, day: str) -> None:
    skipped = parse_weekly_hours("daily 02:15-02:45")
    noon_before = at(f"{day} 12:00", zone) - DAY
    assert next_open((skipped,), zone, CALENDAR, noon_before) == at(f"{day} 02:15", zone) + 23 * HOUR  # only the day after
    across = parse_weekly_hours("daily 02:30-04:00")
    assert stretches(across, zone, noon_before, 1) == [(at(f"{day} 03:00", zone), at(f"{day} 04:00", zone))]
    before = parse_weekly_hours("daily 01:00-02:30")
    assert stretches(before, zone, noon_before, 1) == [(at(f"{day} 01:00", zone), at(f"{day} 03:00", zone))]


@pytest.mark.parametrize("zone, day, hour", [(BERLIN, "2026-10-25", "02"), (NEW_YORK, "2026-11-01", "01")])
def test_an_hour_that_comes_twice_is_open_once(zone: str, day: str, hour: str) -> None:
    inside = parse_weekly_hours(f"daily {hour}:15-{hour}:45")
    noon_before = at(f"{day} 12:00", zone) - DAY
    first = at(f"{day} {hour}:15", zone, fold=0)
    assert stretches(inside, zone, noon_before, 2)[0] == (first, first + 30 * MINUTE)
    assert stretches(inside, zone, noon_before, 2)[1][0] == first + 25 * HOUR


@pytest.mark.parametrize("zone, day, hour", [(BERLIN, "2026-10-25", "02"), (NEW_YORK, "2026-11-01", "01")])
def test_hours_that_run_through_a_repeated_hour_stay_open(zone: str, day: str, hour: str) -> None:
    through = parse_weekly_hours("daily 00:30-05:00")
    noon_before = at(f"{day} 12:00", zone) - DAY
    assert stretches(through, zone, noon_before, 1) == [(at(f"{day} 00:30", zone), at(f"{day} 05:00", zone))]
    into = parse_weekly_hours(f"daily 00:30-{hour}:30")
    assert stretches(into, zone, noon_before, 1)[0][1] == at(f"{day} {hour}:30", zone, fold=0)
    out_of = parse_weekly_hours(f"daily {hour}:30-05:00")
    assert stretches(out_of, zone, noon_before, 1)[0][0] == at(f"{day} {hour}:30", zone, fold=1)


def test_always_has_no_hole_where_midnight_comes_twice() -> None:
    havana = "America/Havana"  # 2026-11-01 01:00 goes back to 00:00
    weekdays_and_weekends = parse_window({"weekdays": "00:00-24:00", "weekends": "00:00-24:00", "holidays": "10:00-24:00"})
    start = at("2026-10-31 23:00", havana)
    assert all(is_open((weekdays_and_weekends,), havana, CALENDAR, start + n * MINUTE) for n in range(240))


def test_a_date_that_a_zone_left_out_is_skipped() -> None:
    apia = "Pacific/Apia"  # there was no 2011-12-30
    assert stretches(parse_weekly_hours("daily 10:00-11:00"), apia, at("2011-12-29 12:00", apia), 1) == [
        (at("2011-12-31 10:00", apia), at("2011-12-31 11:00", apia))
    ]


def test_questions_may_go_back_in_time() -> None:
    openings = Timetable(CALENDAR).openings(JAKARTA, (AFTER_OFFICE,))
    for text in ("2026-08-14 20:00", "2024-02-29 20:00", "2027-08-13 20:00", "2026-08-14 20:00"):
        assert openings.is_open(at(text))
        assert not openings.is_open(at(text) - 90 * MINUTE)


def test_equal_hours_share_their_openings() -> None:
    timetable = Timetable(CALENDAR)
    same = parse_window({"weekdays": "19:00-21:30", "weekends": "10:00-21:30"})
    assert timetable.openings(JAKARTA, (AFTER_OFFICE,)) is timetable.openings(JAKARTA, (same,))
