"""Where a person can be reached, as a customer file writes it. Pure; ValueError says what is wrong."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat

from jobs.customers.normalise import mangled

REGION = "ID"

# Exactly the mobile numbers phonenumbers holds valid for Indonesia (a test compares them); it takes 60 µs a number, this 1 µs.
_MOBILE = re.compile(r"(?:\+?62)?0?(8[1-35-9]\d{7,10})", re.ASCII)
_PUNCTUATION = str.maketrans("", "", " \t\u00a0.-()\u2010\u2011\u2012\u2013'")
# The local parts email-validator takes without normalising them; anything else is left to it.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_KIND = frozenset({"token", "fid"})
_PLATFORMS = frozenset({"android", "ios", "web"})
MAX_VALUE = 1000


class Reach(NamedTuple):
    """One address: what it is within its sort, and for a device its platform."""

    kind: str
    value: str
    platform: str | None = None


def phone(text: str) -> str:
    """A valid number of any country as E.164; without a country code it is Indonesian (`0812…`, `62812…`, `812…`)."""
    found = _MOBILE.fullmatch(text.translate(_PUNCTUATION))
    return f"+62{found[1]}" if found else _any_phone(text)


@lru_cache(4096)
def _any_phone(text: str) -> str:
    if mangled(text):
        raise ValueError(f'"{text}" lost its digits in a spreadsheet; export the column as text')
    compact = re.sub(r"^00(?=62)", "+", re.sub(r"(?<=\d)\.0$", "", text.strip().lstrip("'")))
    try:
        number = phonenumbers.parse(compact, REGION)
    except NumberParseException:
        number = None
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise ValueError(f'"{text}" is not a valid phone number; write 0812… or +62812…, and +65… for other countries')
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def email(text: str) -> str:
    """An address with correct syntax, its domain in lower case. No network is asked."""
    local, _, domain = text.strip().rpartition("@")
    if len(local) > 64 or not _PLAIN_LOCAL.fullmatch(local):
        return _any_email(text.strip())
    if (known := _domain(domain)) is None or len(local) + len(known) >= 254:
        return _any_email(text.strip())
    return f"{local}@{known}"


@lru_cache(4096)
def _domain(domain: str) -> str | None:
    try:
        return validate_email(f"a@{domain}", check_deliverability=False).domain
    except EmailNotValidError:
        return None


def _any_email(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f'"{text}" is not an e-mail address: {error}') from None


def devices(text: str) -> tuple[Reach, ...]:
    """`android:token:<value>|ios:fid:<value>`; the kind may be left out and is then token (`android:<value>`)."""
    found = {reach.value: reach for reach in map(_device, filter(None, map(str.strip, text.split("|"))))}
    return tuple(found.values())


def _device(text: str) -> Reach:
    platform, _, rest = text.partition(":")
    kind, mark, value = rest.partition(":")
    # A registration token has a colon of its own, so only the two known words are a kind.
    if not mark or kind.lower() not in _KIND:
        kind, value = "token", rest
    if platform.lower() not in _PLATFORMS:
        raise ValueError(f'"{text}" names no platform; write android:token:…, ios:fid:… or web:token:…')
    if not value or any(map(str.isspace, value)) or len(value) > MAX_VALUE:
        raise ValueError(f'"{text}" holds no device token; write android:token:…')
    return Reach(kind.lower(), value, platform.lower())


def further(sort: str, text: str) -> Reach:
    """An address of a channel that was added later, kept as written."""
    if len(text) > MAX_VALUE:
        raise ValueError(f"has {len(text)} characters; the limit is {MAX_VALUE}")
    return Reach(sort, text)
