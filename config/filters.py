"""The filters a template may use: Indonesian and English money, dates and hours. Wrong input raises ValueError or TypeError."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from jinja2 import Undefined

LARGEST_AMOUNT = Decimal(10) ** 18
_DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
_MONTHS = (
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
)
_DAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS_EN = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def rupiah(value: object) -> str:
    """500000000 → `Rp500.000.000`; a fraction is rounded to whole rupiah."""
    try:
        amount = Decimal(str(value))
    except (InvalidOperation, ValueError):
        raise ValueError(f'"{value}" is not an amount') from None
    # `1e999999` is six characters and would be a million; infinity and NaN are no money.
    if not abs(amount) < LARGEST_AMOUNT:
        raise ValueError(f'"{value}" is not an amount')
    return f"{'-' if amount < 0 else ''}Rp{abs(amount):,.0f}".replace(",", ".")


def tanggal(value: object) -> str:
    """`Jumat, 20 November 2026`."""
    day = _date(value)
    return f"{_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def date_en(value: object) -> str:
    """`Friday, 20 November 2026`."""
    day = _date(value)
    return f"{_DAYS_EN[day.weekday()]}, {day.day} {_MONTHS_EN[day.month - 1]} {day.year}"


def jam(value: object, zone: str = "WIB") -> str:
    """`19.00 WIB`; the zone is the value's own where it has one."""
    moment = _time(value)
    return f"{moment:%H.%M} {_zone(value, zone)}"


def time_en(value: object, zone: str = "WIB") -> str:
    """`7:00 PM WIB`; the zone is the value's own where it has one."""
    moment = _time(value)
    return f"{moment.hour % 12 or 12}:{moment:%M} {'AM' if moment.hour < 12 else 'PM'} {_zone(value, zone)}"


def _default(value: object, other: object = "") -> object:
    """Instead of a value that is missing or empty."""
    return other if isinstance(value, Undefined) or value is None or value == "" else value


def _text(change: Callable[[str], str]) -> Callable[[object], str]:
    return lambda value: change(str(value))


def _moment(value: object) -> object:
    if isinstance(value, str):
        for read in (datetime.fromisoformat, time.fromisoformat):
            try:
                return read(value)
            except ValueError:
                continue
    return value


def _date(value: object) -> date:
    value = _moment(value)
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise ValueError(f'"{value}" is not a date')


def _time(value: object) -> time:
    value = _moment(value)
    if isinstance(value, datetime):
        return value.timetz()
    if isinstance(value, time):
        return value
    raise ValueError(f'"{value}" is not a time')


def _zone(value: object, otherwise: str) -> str:
    moment = _moment(value)
    name = moment.tzname() if isinstance(moment, datetime) else None
    return name or otherwise


FILTERS: Mapping[str, Callable[..., Any]] = {
    "default": _default,
    "upper": _text(str.upper),
    "lower": _text(str.lower),
    "title": _text(str.title),
    "trim": _text(str.strip),
    "rupiah": rupiah,
    "tanggal": tanggal,
    "date_en": date_en,
    "jam": jam,
    "time_en": time_en,
}
