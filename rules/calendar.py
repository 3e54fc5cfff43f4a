"""Which days are holidays and which are worked: a country's public holidays and joint leave, corrected by hand."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import date

from holidays import country_holidays

from config.models import Holidays

# Indonesia's joint leave (cuti bersama) is the package's category "government"; few other countries have one.
_CATEGORIES = ("public", "government")
_ADDED = "holiday added in rules.yaml"


class HolidayCalendar:
    """Holidays of one country, read a year at a time. Raises ValueError when the country is not known."""

    def __init__(self, holidays: Holidays) -> None:
        self._holidays = holidays
        self._years: dict[int, dict[date, str]] = {}
        try:
            known = country_holidays(holidays.country)
        except NotImplementedError:
            raise ValueError(f'holidays: country "{holidays.country}" is not known; write an ISO code such as ID') from None
        self._categories = tuple(name for name in _CATEGORIES if name in known.supported_categories)
        self._language = "en_US" if "en_US" in known.supported_languages else known.default_language

    def name(self, day: date) -> str | None:
        """What the holiday is called, in English where there is a translation; None on any other day."""
        if day.year not in self._years:
            self._years[day.year] = self._read(day.year)
        return self._years[day.year].get(day)

    def is_holiday(self, day: date) -> bool:
        return self.name(day) is not None

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday and no holiday."""
        return day.weekday() < 5 and not self.is_holiday(day)

    def first_working_day(self, year: int, month: int) -> date | None:
        return self._first_worked(range(1, monthrange(year, month)[1] + 1), date(year, month, 1))

    def last_working_day(self, year: int, month: int) -> date | None:
        return self._first_worked(range(monthrange(year, month)[1], 0, -1), date(year, month, 1))

    def _first_worked(self, days: Iterable[int], month: date) -> date | None:
        return next((day for day in (month.replace(day=n) for n in days) if self.is_working_day(day)), None)

    def _read(self, year: int) -> dict[date, str]:
        official = country_holidays(self._holidays.country, years=year, expand=False, categories=self._categories, language=self._language)
        days = {day: str(name) for day, name in official.items() if day not in self._holidays.strike}
        return days | {day: days.get(day, _ADDED) for day in self._holidays.add if day.year == year}
