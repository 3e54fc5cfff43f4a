"""Signed tokens for links that work without login: who and what, nothing else, and no way to make one without the key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

SEAL = 10  # characters


@dataclass(frozen=True, slots=True)
class Signer:
    """HMAC-SHA256 over the purpose and the words; the key is the installation's own."""

    key: bytes = b""

    def sign(self, purpose: str, *words: str) -> str:
        """A URL-safe token that carries the words in the open."""
        payload = "\0".join(words).encode()
        return f"{_text(payload)}.{_text(self._mac(purpose, payload))}"

    def read(self, purpose: str, token: str) -> tuple[str, ...] | None:
        """The words, or None when the token is not ours for this purpose."""
        head, dot, tail = token.partition(".")
        try:
            payload, mac = _bytes(head), _bytes(tail)
        except ValueError:
            return None
        if not dot or not self.key or not hmac.compare_digest(mac, self._mac(purpose, payload)):
            return None
        return tuple(payload.decode(errors="replace").split("\0"))

    def seal(self, word: str) -> str:
        """A short proof for a word that stands in the open where only small letters survive, such as an address: 50 bits."""
        return base64.b32encode(self._mac("seal", word.encode()))[:SEAL].decode().lower()

    def sealed(self, word: str, seal: str | None) -> bool:
        """Whether the seal was made by this key for this word."""
        return bool(self.key) and hmac.compare_digest((seal or "").encode(), self.seal(word).encode())

    def _mac(self, purpose: str, payload: bytes) -> bytes:
        return hmac.new(self.key, purpose.encode() + b"\0" + payload, hashlib.sha256).digest()[:16]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


MESSAGE_KEY = "kabar-"
TRIAL_KEY = "test-"  # a pop-up of `kabar send-test`


def message_key(message_id: int) -> str:
    """Our id as providers see it."""
    return f"{MESSAGE_KEY}{message_id}"


def message_id(key: str | None) -> int | None:
    """Back from the key; None when it is not one of ours."""
    return _number(key or "", MESSAGE_KEY)


def trial_id(key: str) -> int | None:
    """The id of a test pop-up; None for every other key."""
    return _number(key, TRIAL_KEY)


def _number(key: str, prefix: str) -> int | None:
    digits = key.removeprefix(prefix)
    return int(digits) if key.startswith(prefix) and digits.isdecimal() and len(digits) < 19 else None
