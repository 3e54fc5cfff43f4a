"""Phones, e-mail addresses and devices as customer files have them."""

from __future__ import annotations

from random import Random

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email

from jobs.customers import contacts
from store.people import Reach


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("081200001234", "+6281200001234"),
        ("0812-0000-1234", "+6281200001234"),
        ("+62 812-0000-1234", "+6281200001234"),
        ("+62 (0)812 0000 1234", "+6281200001234"),
        ("6281200001234", "+6281200001234"),
        ("81200001234", "+6281200001234"),
        ("0812.0000.1234", "+6281200001234"),
        ("006281200001234", "+6281200001234"),
        ("6281200001234.0", "+6281200001234"),
        ("'+6281200001234", "+6281200001234"),
        ("(021) 555-1234", "+62215551234"),
        ("+65 9123 4567", "+6591234567"),
        ("+1 212 555 0123", "+12125550123"),
        ("0812-34", None),
        ("081200001234/081300001234", None),
        ("6.28123E+11", None),
        ("6591234567890123", None),
        ("hubungi istri", None),
    ],
)
def test_a_phone_becomes_e164(text: str, number: str | None) -> None:
    if number is None:
        with pytest.raises(ValueError, match=r"phone number|lost its digits"):
            contacts.e164(text)
    else:
        assert contacts.e164(text) == number


def test_the_short_way_for_indonesian_mobiles_agrees_with_phonenumbers() -> None:
    rng = Random(7)
    for _ in range(3000):
        digits = "8" + "".join(rng.choices("0123456789", k=rng.randrange(6, 13)))
        for prefix in ("0", "62", "+62", "+62 0", ""):
            found = _e164(prefix + digits)
            if _valid_mobile(digits):
                assert found == f"+62{digits}"
            else:
                assert found == "invalid" or phonenumbers.is_valid_number(phonenumbers.parse(found))


def _valid_mobile(digits: str) -> bool:
    number = phonenumbers.parse(f"+62{digits}")
    return phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE


def _e164(text: str) -> str:
    try:
        return contacts.e164(text)
    except ValueError:
        return "invalid"


@pytest.mark.parametrize(
    "text",
    [
        *("budi@example.com", "Budi.Santoso+kabar@EXAMPLE.co.id", "a_b-c@sub.example.org", "josé@example.com", "budi@münchen.example.com"),
        *("budi@@example.com", "budi@", "@example.com", "budi@example", "budi..s@example.com", ".budi@example.com", "budi@exa mple.com"),
        *(
            "budi@-example.com",
            f"{'a' * 64}@example.com",
            f"{'a' * 65}@example.com",
            f"a@{'b.' * 126}com",
            "budi@example.com, ani@example.com",
        ),
        *(f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example.com", "Budi <budi@example.com>", "budi'o@example.com", "budi@localhost"),
    ],
)
def test_an_email_gets_the_verdict_of_email_validator(text: str) -> None:
    try:
        expected = validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        with pytest.raises(ValueError, match="is not an e-mail address"):
            contacts.mailbox(text)
    else:
        assert contacts.mailbox(text) == expected


def test_devices_name_platform_kind_and_value() -> None:
    assert contacts.devices("android:token:aa:bb|ios:fid:cc | WEB:dd:ee|android:token:aa:bb") == (
        Reach("push", "token", "aa:bb", "android"),
        Reach("push", "fid", "cc", "ios"),
        Reach("push", "token", "dd:ee", "web"),
    )


@pytest.mark.parametrize("text", ["nokia:token:aa", "aa", "android:", "android:token:", "android:a b", "android:aa,ios:bb|"])
def test_a_device_that_is_none_is_refused(text: str) -> None:
    if text.endswith("|"):
        assert len(contacts.devices(text)) == 1
    else:
        with pytest.raises(ValueError, match="is not a device"):
            contacts.devices(text)
