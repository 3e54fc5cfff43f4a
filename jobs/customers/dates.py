"""Dates as Indonesian back offices write them. Pure; ValueError says what is wrong."""

from __future__ import annotations

import re
from datetime import date, timedelta

_MONTHS = (
    ("januari", "january", "jan"),
    ("februari", "february", "pebruari", "feb", "peb"),
    ("maret", "march", "mar", "mrt"),
    ("april", "apr"),
    ("mei", "may"),
    ("juni", "june", "jun"),
    ("juli", "july", "jul"),
    ("agustus", "august", "agu", "ags", "agt", "aug"),
    ("september", "sep", "sept"),
    ("oktober", "october", "okt", "oct"),
    ("november", "nopember", "nov", "nop"),
    ("desember", "december", "des", "dec"),
)
_MONTH = {word: number for number, words in enumerate(_MONTHS, 1) for word in words}

_TIME = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}", re.ASCII)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}){_TIME}", re.ASCII)
_WORDS = re.compile(r"(\d{1,2})[ -]([a-z]+)\.?[ -](\d{4})", re.ASCII)
_TWO_DIGIT_YEAR = re.compile(r"\d{1,2}[-/. ](?:\d{1,2}|[a-z]+)[-/. ]\d{2}")
_SERIAL = re.compile(r"([1-9]\d{4})(?:\.0+)?", re.ASCII)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)", re.ASCII)

# Day 1 of a spreadsheet is 1900-01-01 and it believes in 29 February 1900.
_SPREADSHEET_EPOCH = date(1899, 12, 30)
_OLDEST = timedelta(days=120 * 365.25)


def day(text: str) -> date:
    """`2026-01-31`, `31/01/2026`, `31-01-2026`, `31 Januari 2026`, `20260131`, a spreadsheet's `46053`.

    Numbers around a year read day/month; month/day only where that is the one possible reading (`01/31/2026`).
    """
    words = " ".join(text.lower().split())
    found = _read(words)
    if found is None and _TWO_DIGIT_YEAR.fullmatch(words):
        raise ValueError(f'"{text}" has a year of two digits; write 31/01/2026')
    if found is None:
        raise ValueError(f'"{text}" is not a date; write 2026-01-31 or 31/01/2026')
    try:
        return found if isinstance(found, date) else date(*found)
    except ValueError:
        raise ValueError(f'"{text}" is not a day of the calendar') from None


def _read(words: str) -> date | tuple[int, int, int] | None:
    if found := _YEAR_FIRST.fullmatch(words.upper()):
        return int(found[1]), int(found[3]), int(found[4])
    if found := _YEAR_LAST.fullmatch(words.upper()):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        return (year, first, second) if second > 12 >= first else (year, second, first)
    if (found := _WORDS.fullmatch(words)) and found[2] in _MONTH:
        return int(found[3]), _MONTH[found[2]], int(found[1])
    if found := _SERIAL.fullmatch(words):
        return _SPREADSHEET_EPOCH + timedelta(days=int(found[1]))
    found = _COMPACT.fullmatch(words)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def past_day(text: str, today: date) -> date:
    """A day that is not after `today`."""
    found = day(text)
    if found > today:
        raise ValueError(f'"{text}" is in the future')
    return found


def birthday(text: str, today: date) -> date:
    """A day of birth: not after `today`, not more than 120 years before it."""
    found = past_day(text, today)
    if today - found > _OLDEST:
        raise ValueError(f'"{text}" is more than 120 years ago')
    return found
