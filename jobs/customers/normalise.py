"""Words of a customer file to words of the house: names, locales, zones, hours, consents. Pure; ValueError says what is wrong."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from zoneinfo import available_timezones

from config.values import parse_weekly_hours

MAX_NAME = 200
MAX_TEXT = 2000
MAX_CUSTOMER_NO = 64

# What exports write for "nothing"; never applied to names, where Null is a family.
NOTHING = frozenset({"", "-", "--", "n/a", "#n/a", "null"})

_YES = frozenset({"ya", "yes", "y", "true", "1", "setuju"})
_NO = frozenset({"tidak", "no", "n", "false", "0", "tdk", "tidak setuju"})

_LOCALES = {"id": "id", "in": "id", "indonesia": "id", "indonesian": "id", "bahasa": "id", "bahasa indonesia": "id"} | {
    "en": "en",
    "english": "en",
    "inggris": "en",
    "bahasa inggris": "en",
}

_SHORT_ZONES = {"wib": "Asia/Jakarta", "wita": "Asia/Makassar", "wit": "Asia/Jayapura"}

_HOURS = {
    "pagi": "daily 06:00-11:00",
    "pagi saja": "daily 06:00-11:00",
    "mornings only": "daily 06:00-11:00",
    "hari kerja": "Mon-Fri 00:00-24:00",
    "hari kerja saja": "Mon-Fri 00:00-24:00",
    "never weekends": "Mon-Fri 00:00-24:00",
    "pagi hari kerja": "Mon-Fri 06:00-11:00",
    "kapan saja": "always",
    "selalu": "always",
}

# Zero-width and direction marks: invisible in a spreadsheet, ugly in a greeting, a disguise in the worst case.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?e[+-]?\d+", re.IGNORECASE)


def mangled(text: str) -> bool:
    """True for `6.28123E+11`: a spreadsheet has thrown the digits away."""
    return bool(_SCIENTIFIC.fullmatch(text.strip()))


def repair(text: str) -> str:
    """`JosÃ©` → `José`: UTF-8 that was once read as cp1252, undone when every byte agrees; otherwise the text itself."""
    for _ in range(3):
        repaired = _undo(text, "cp1252") or _undo(text, "latin-1")
        if repaired is None:
            return text
        text = repaired
    return text


def _undo(text: str, encoding: str) -> str | None:
    try:
        repaired = text.encode(encoding).decode("utf-8")
    except UnicodeError:
        return None
    return repaired if repaired != text else None


def clean(text: str) -> str:
    """One line of readable text: mojibake repaired, NFC, invisible marks gone, white space collapsed."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFC", repair(text)))
    return " ".join(text.split()) if text.isprintable() else " ".join("".join(map(_visible, text)).split())


def _visible(char: str) -> str:
    return char if char.isprintable() else " "


def free_text(text: str) -> str:
    """A further column's value, cleaned."""
    text = clean(text)
    if len(text) > MAX_TEXT:
        raise ValueError(f"has {len(text)} characters; the limit is {MAX_TEXT}")
    return text


def name(text: str) -> str:
    """A person's name, cleaned."""
    text = clean(text)
    if not any(map(str.isalpha, text)) or text.startswith("#"):
        raise ValueError(f'"{text}" is not a name' if text else "is missing")
    if len(text) > MAX_NAME:
        raise ValueError(f"has {len(text)} characters; the limit is {MAX_NAME}")
    return text


def customer_no(text: str) -> str:
    """The customer's number as the back office writes it, without white space around it."""
    text = clean(text)
    if not text:
        raise ValueError("is missing")
    if mangled(text):
        raise ValueError(f'"{text}" lost its digits in a spreadsheet; export the column as text')
    if len(text) > MAX_CUSTOMER_NO:
        raise ValueError(f"has {len(text)} characters; the limit is {MAX_CUSTOMER_NO}")
    return text


def locale(text: str) -> str:
    """`id`, `id-ID`, `Indonesia` → `id`; `en`, `en_GB`, `English` → `en`."""
    word = " ".join(text.lower().split())
    code = _LOCALES.get(word) or _LOCALES.get(re.split(r"[-_]", word)[0])
    if code is None:
        raise ValueError(f'"{text}" is not a known locale; write id or en')
    return code


@cache
def _zones() -> dict[str, str]:
    # Asking for every zone takes a tenth of a second, which only an import has to spend.
    return {name.lower(): name for name in available_timezones()} | _SHORT_ZONES


def timezone(text: str) -> str:
    """An IANA name whatever its case, or WIB, WITA, WIT → the IANA name."""
    zone = _zones().get(text.strip().lower().replace(" ", "_"))
    if zone is None:
        raise ValueError(f'"{text}" is not a time zone; write WIB, WITA, WIT or an IANA name such as Asia/Singapore')
    return zone


def weekly_hours(text: str) -> str:
    """Weekly hours as config.values reads them, or a common phrase for them → the text to store."""
    words = " ".join(text.split())
    words = _HOURS.get(words.lower(), words)
    parse_weekly_hours(words)
    return words


def consent(text: str) -> bool:
    """ya/tidak, yes/no, y/n, true/false, 1/0."""
    word = text.strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(f'"{text}" is neither yes nor no; write ya or tidak, or leave it blank')
