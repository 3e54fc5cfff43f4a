"""What a cell may look like, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from jobs.customers import dates, normalise, numbers

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500000000", "500000000"),
        ("Rp500.000.000", "500000000"),
        ("rp. 500.000.000,00", "500000000"),
        ("500.000.000,00", "500000000"),
        ("IDR 1,250,000.50", "1250000.50"),
        ("Rp500.000,-", "500000"),
        ("500.000", "500000"),
        ("500,000", "500000"),
        ("500,5", "500.50"),
        ("500.25", "500.25"),
        ("0,125", None),
        ("1,5 miliar", "1500000000"),
        ("Rp 1.5 milyar", "1500000000"),
        ("500 juta", "500000000"),
        ("750jt", "750000000"),
        ("2 triliun", "2000000000000"),
        ("1.250 miliar", None),
        ("1.25.000", None),
        ("1,250.000,00", None),
        ("5.00E+08", None),
        ("-500000", None),
        ("(500.000)", None),
        ("lihat lampiran", None),
        ("1" * 19, None),
        ("٥٠٠", None),
    ],
)
def test_an_amount_has_one_reading_or_none(text: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(ValueError, match=r"."):
            numbers.amount(text)
    else:
        assert numbers.amount(text) == Decimal(value)


@pytest.mark.parametrize(("text", "value"), [("20", 20), ("1.250", 1250), ("0", 0), ("12,00", 12), ("2,5", None), ("9999999999", None)])
def test_a_count_is_a_whole_number(text: str, value: int | None) -> None:
    if value is None:
        with pytest.raises(ValueError, match="is not a count"):
            numbers.count(text)
    else:
        assert numbers.count(text) == value


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-01-31 00:00:00", date(2026, 1, 31)),
        ("2026-01-31T00:00:00", date(2026, 1, 31)),
        ("31/01/2026", date(2026, 1, 31)),
        ("31-01-2026", date(2026, 1, 31)),
        ("31.1.2026", date(2026, 1, 31)),
        ("01/31/2026", date(2026, 1, 31)),
        ("05/04/2026", date(2026, 4, 5)),
        ("31 Januari 2026", date(2026, 1, 31)),
        ("31-Agt-2026", date(2026, 8, 31)),
        ("1 DESEMBER 2025", date(2025, 12, 1)),
        ("20260131", date(2026, 1, 31)),
        ("46053", date(2026, 1, 31)),
        ("29/02/2024", date(2024, 2, 29)),
        ("29/02/2026", None),
        ("31/01-2026", None),
        ("31/01/26", None),
        ("kemarin", None),
        ("13/13/2026", None),
    ],
)
def test_a_date_reads_day_first_unless_only_the_other_reading_exists(text: str, day: date | None) -> None:
    if day is None:
        with pytest.raises(ValueError, match=text):
            dates.day(text)
    else:
        assert dates.day(text) == day


def test_a_birthday_is_neither_in_the_future_nor_beyond_a_human_life() -> None:
    assert dates.birthday("20/11/2026", TODAY) == TODAY
    with pytest.raises(ValueError, match="future"):
        dates.birthday("21/11/2026", TODAY)
    with pytest.raises(ValueError, match="120 years"):
        dates.birthday("01/01/1900", TODAY)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Budi   Santoso ", "Budi Santoso"),
        ("JosÃ© Ximenes", "José Ximenes"),
        ("JosÃƒÂ© Ximenes", "José Ximenes"),
        ("José Ximenes", "José Ximenes"),
        ("Jose\u0301", "José"),
        ("InÃªs  AraÃºjo", "Inês Araújo"),
        ("Ã\u00a0 la carte", "à la carte"),
        ("Nurâ€™aini", "Nur’aini"),
        ("Budi\u200b Santoso\u202e", "Budi Santoso"),
        ("Budi\tSantoso\n", "Budi Santoso"),
        ("Müller", "Müller"),
        ("李 伟", "李 伟"),
        ("Null", "Null"),
        ("", None),
        ("12345", None),
        ("#NAME?", None),
        ("a" * 201, None),
    ],
)
def test_a_name_is_one_clean_line(text: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(ValueError, match=r"."):
            normalise.name(text)
    else:
        assert normalise.name(text) == name


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (normalise.locale, "id-ID", "id"),
        (normalise.locale, "Indonesia", "id"),
        (normalise.locale, "EN_gb", "en"),
        (normalise.locale, "Klingon", None),
        (normalise.timezone, "WIB", "Asia/Jakarta"),
        (normalise.timezone, "wita", "Asia/Makassar"),
        (normalise.timezone, "WIT", "Asia/Jayapura"),
        (normalise.timezone, "asia/singapore", "Asia/Singapore"),
        (normalise.timezone, "America/New York", "America/New_York"),
        (normalise.timezone, "Asia/Jakrta", None),
        (normalise.weekly_hours, "Mon-Fri  06:00-11:00", "Mon-Fri 06:00-11:00"),
        (normalise.weekly_hours, "Pagi Saja", "daily 06:00-11:00"),
        (normalise.weekly_hours, "never weekends", "Mon-Fri 00:00-24:00"),
        (normalise.weekly_hours, "always", "always"),
        (normalise.weekly_hours, "siang", None),
        (normalise.weekly_hours, "Mon-Fri 25:00-26:00", None),
        (normalise.consent, "Ya", True),
        (normalise.consent, "1", True),
        (normalise.consent, "FALSE", False),
        (normalise.consent, "tidak", False),
        (normalise.consent, "mungkin", None),
        (normalise.customer_no, " C 1 ", "C 1"),
        (normalise.customer_no, "1.00E+11", None),
        (normalise.customer_no, "", None),
    ],
)
def test_words_of_the_file_become_words_of_the_house(read: Callable[[str], object], text: str, value: object) -> None:
    if value is None:
        with pytest.raises(ValueError, match=r"."):
            read(text)
    else:
        assert read(text) == value
