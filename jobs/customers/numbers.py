"""Amounts as Indonesian back offices write them. Pure; ValueError says what is wrong."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from jobs.customers.normalise import mangled

_UNITS = {
    "triliun": 10**12,
    "trilyun": 10**12,
    "miliar": 10**9,
    "milyar": 10**9,
    "juta": 10**6,
    "jt": 10**6,
    "ribu": 10**3,
    "rb": 10**3,
}
_AMOUNT = re.compile(r"(?:(?:rp|idr)\.?)?\s*(\d[\d.,]*?)\s*(triliun|trilyun|miliar|milyar|juta|jt|ribu|rb)?(?:,-{1,2})?", re.ASCII)
_GROUPS = {mark: re.compile(rf"\d{{1,3}}(?:\{mark}\d{{3}})+", re.ASCII) for mark in ".,"}
_LARGEST = Decimal(10) ** 18
_CENT = Decimal("0.01")


def amount(text: str) -> Decimal:
    """Rupiah, two decimals: `Rp500.000.000`, `500.000.000,00`, `1,250,000.50`, `1,5 miliar`, `500 juta`, `Rp500.000,-`.

    Both marks present: the last one is the decimal mark. One mark repeated, or once before exactly three digits, groups
    thousands (`500.000` and `500,000` are half a million); otherwise it is the decimal mark. Beside a unit word a mark is
    decimal, and three digits after it are refused as ambiguous.
    """
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return Decimal(text + ".00")
    found = _AMOUNT.fullmatch(" ".join(text.lower().split()))
    if not found:
        if mangled(text):
            raise ValueError(f'"{text}" lost its digits in a spreadsheet; export the column as text')
        raise ValueError(f'"{text}" is not an amount; write 500000000 or Rp500.000.000')
    plain = _with_unit(text, found[1]) if found[2] else _plain(text, found[1])
    value = Decimal(plain) * _UNITS.get(found[2] or "", 1)
    if value >= _LARGEST:
        raise ValueError(f'"{text}" is beyond any portfolio')
    return value.quantize(_CENT, ROUND_HALF_UP)


def _plain(text: str, digits: str) -> str:
    marks = [char for char in digits if char in ".,"]
    if not marks:
        return digits
    last, other = marks[-1], "," if marks[-1] == "." else "."
    whole, _, fraction = digits.rpartition(last)
    if other in marks:
        if marks.count(last) == 1 and fraction and _GROUPS[other].fullmatch(whole):
            return f"{whole.replace(other, '')}.{fraction}"
    elif _GROUPS[last].fullmatch(digits) and digits[0] != "0":
        return digits.replace(last, "")
    elif len(marks) == 1 and fraction and len(fraction) != 3:
        return f"{whole}.{fraction}"
    raise ValueError(f'"{text}" has its dots and commas in no known order; write 500.000.000,00')


def _with_unit(text: str, digits: str) -> str:
    whole, mark, fraction = digits.replace(",", ".").partition(".")
    if "." in fraction or len(fraction) == 3 or (mark and not fraction):
        raise ValueError(f'"{text}" can be read in two ways; write the whole number')
    return f"{whole}.{fraction or 0}"


def count(text: str) -> int:
    """A whole number from 0 to 2,147,483,647, thousands grouped or not."""
    value = amount(text)
    if value != int(value) or value > 2**31 - 1:
        raise ValueError(f'"{text}" is not a count')
    return int(value)
