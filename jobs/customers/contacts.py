"""Where a person can be reached, as a customer file writes it. Pure; ValueError says what is wrong."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat

from jobs.customers.normalise import clean, mangled
from store.people import Reach

REGION = "ID"

# The mobile numbers phonenumbers holds valid for Indonesia (a test compares them); it takes 60 µs a number, this 1 µs.
# Unlike it, this reads 628… always as country code and mobile: as a landline of area 062 such a cell is a curiosity.
_MOBILE = re.compile(r"(?:\+?62)?0?(8[1-35-9]\d{7,10})", re.ASCII)
_PUNCTUATION = str.maketrans("", "", " \t\u00a0.-()\u2010\u2011\u2012\u2013'")
# The local parts email-validator takes without normalising them; anything else is left to it.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
# A registration token has a colon of its own, so only the two known words are a kind.
_DEVICE = re.compile(r"(android|ios|web):(?:(token|fid):)?(?!(?:token|fid):?$)(\S+)", re.IGNORECASE)
MAX_VALUE = 1000
MAX_EMAIL = 254  # RFC 5321 4.5.3.1


def phone(text: str) -> tuple[Reach, ...]:
    """One number, see e164."""
    return (Reach("phone", "phone", e164(text)),)


def e164(text: str) -> str:
    """A valid number of any country as E.164; without a country code it is Indonesian (`0812…`, `62812…`, `812…`)."""
    # A column of numbers exported through floats; the dot must not vanish and leave the zero.
    text = text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text
    found = _MOBILE.fullmatch(text.translate(_PUNCTUATION))
    return f"+62{found[1]}" if found else _any_phone(text)


@lru_cache(4096)
def _any_phone(text: str) -> str:
    if mangled(text):
        raise ValueError(f'"{text}" lost its digits in a spreadsheet; export the column as text')
    compact = re.sub(r"^00(?=62)", "+", text.strip().lstrip("'"))
    try:
        number = phonenumbers.parse(compact, REGION)
    except NumberParseException:
        number = None
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise ValueError(f'"{text}" is not a valid phone number; write 0812… or +62812…, and +65… for other countries')
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def email(text: str) -> tuple[Reach, ...]:
    """One address, see mailbox."""
    return (Reach("email", "email", mailbox(text)),)


def mailbox(text: str) -> str:
    """An address with correct syntax, its domain in lower case. No network is asked."""
    text = text.strip()
    if len(text) > MAX_EMAIL:
        raise ValueError(f"is not an e-mail address: {len(text)} characters are more than {MAX_EMAIL}")
    local, _, domain = text.rpartition("@")
    if len(local) > 64 or not _PLAIN_LOCAL.fullmatch(local):
        return _any_email(text)
    if (known := _domain(domain)) is None or len(local) + len(known) >= 254:
        return _any_email(text)
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
    found = {reach.value: reach for part in text.split("|") if (reach := _device(part.strip()))}
    return tuple(found.values())


def _device(text: str) -> Reach | None:
    if not text:
        return None
    found = _DEVICE.fullmatch(text)
    if not found or len(found[3]) > MAX_VALUE or not found[3].isprintable():
        raise ValueError(f'"{text}" is not a device; write android:token:…, ios:fid:… or web:token:…, and | between two')
    return Reach("push", (found[2] or "token").lower(), found[3], found[1].lower())


def further(sort: str, text: str) -> tuple[Reach, ...]:
    """An address of a channel that was added later, as written but for white space."""
    text = clean(text)
    if len(text) > MAX_VALUE:
        raise ValueError(f"has {len(text)} characters; the limit is {MAX_VALUE}")
    return (Reach(sort, sort, text),)
