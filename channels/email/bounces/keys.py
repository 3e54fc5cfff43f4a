"""Which message of ours a mail is about: the address it came to, else what it returns, else what it answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels.email.bounces.letter import Letter
from channels.email.mime import KEY_HEADER

# Who a mail came to, as delivery agents write it down, the envelope's first.
TO = (
    "x-original-to",
    "delivered-to",
    "envelope-to",
    "x-envelope-to",
    "x-rcpt-to",
    "x-delivered-to",
    "apparently-to",
    "to",
    "cc",
    "resent-to",
)

_KEY = r"(kabar-\d{1,18})(?:-([0-9a-z]{8,20}))?"
_RETURN = re.compile(rf"(?<![\w.+-])(?:bounce|unsubscribe)\+{_KEY}@", re.IGNORECASE)
_OWN = re.compile(rf"^{_KEY}$", re.IGNORECASE)
_MESSAGE_ID = re.compile(rf"<{_KEY}@[\w.-]+>", re.IGNORECASE)
_TAIL = re.compile(rf"^(?:x-kabar-key:\s*|message-id:\s*<){_KEY}", re.IGNORECASE | re.MULTILINE)
_SUBJECT = re.compile(rf"unsubscribe {_KEY}", re.IGNORECASE)

Key = tuple[str | None, str | None]


def recipients(letter: Letter) -> str:
    """Everybody it was for, in one line, lower case."""
    return " ".join(letter.every(*TO)).lower()


def key_of(letter: Letter) -> Key:
    """(key, seal). A key with a seal goes before one without; neither is believed here."""
    found = list(_candidates(letter))
    return next((key for key in found if key[1]), found[0] if found else (None, None))


def _candidates(letter: Letter) -> Iterator[Key]:
    to = recipients(letter)
    yield from map(_pair, _RETURN.finditer(to))
    yield from (_pair(match) for value in letter.returned.get(KEY_HEADER.lower(), ()) if (match := _OWN.match(value.strip())))
    returned = " ".join(value for name in ("return-path", "list-unsubscribe") for value in letter.returned.get(name, ()))
    feedback = " ".join((letter.feedback or {}).get("original-mail-from", ()))
    yield from map(_pair, _RETURN.finditer(f"{returned} {feedback}"))
    yield from map(_pair, _TAIL.finditer(letter.tail[:16_000]))
    yield from map(_pair, _RETURN.finditer(letter.tail[:16_000]))
    yield from map(_pair, _SUBJECT.finditer(letter.first("subject")))
    ids = " ".join([*letter.returned.get("message-id", ()), *letter.every("in-reply-to", "references")])
    yield from map(_pair, _MESSAGE_ID.finditer(ids))


def _pair(match: re.Match[str]) -> Key:
    return match[1].lower(), (match[2] or "").lower() or None
