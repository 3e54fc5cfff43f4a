"""What an API key is made of: `kabar_ID_SECRET`, a checksum at its end. The secret has 160 bits, and only its SHA-256 is kept.

A slow hash is for secrets that people think of. Nobody can try 2^160, however fast, and a slow hash at every call would be a way
to bring the process down.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from binascii import crc32
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "kabar"  # so that scanners of repositories and logs know one when they see it
ID, SECRET, CHECK = 8, 27, 6  # characters
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(rf"{PREFIX}_([0-9A-Za-z]{{{ID}}})_[0-9A-Za-z]{{{SECRET + CHECK}}}", re.ASCII)


class KeyScope(StrEnum):
    """What a key opens."""

    EVENTS = "events"  # customer events in
    RECEIPTS = "receipts"  # what the app's back end reports of pushes
    POPUPS = "popups"  # recipients' tokens: whoever has it can become any customer's app
    CONSOLE = "console"  # what people who build on Kabar look at: the description of this interface
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class NewKey:
    """text: the key itself, shown once."""

    id: str
    text: str

    @property
    def digest(self) -> bytes:
        return digest(self.text)


def make_key() -> NewKey:
    key_id, secret = _random(ID), _random(SECRET)
    body = f"{PREFIX}_{key_id}_{secret}"
    return NewKey(key_id, body + _checksum(body))


def key_id(text: str) -> str | None:
    """The public part; None when this cannot be a key of ours: a word cut short or mistyped costs no question to the database."""
    found = _FORM.fullmatch(text)
    return found[1] if found and _checksum(text[:-CHECK]) == text[-CHECK:] else None


def digest(text: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).digest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _checksum(text: str) -> str:
    number, letters = crc32(text.encode()), ""
    for _ in range(CHECK):
        number, rest = divmod(number, len(_LETTERS))
        letters = _LETTERS[rest] + letters
    return letters
