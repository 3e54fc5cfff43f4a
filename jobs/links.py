"""Signed tokens for links that work without login: who and what, nothing else, and no way to make one without the key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

# What a token is good for; one made for one purpose is worth nothing for another.
UNSUBSCRIBE = "unsubscribe"
CLICK = "click"
PREFERENCES = "preferences"

NOBODY = 0  # the person of a letter that `kabar send-test` made

_KEY_ID = 4  # characters in front of the signature: which key it was made with
_MAC = 16  # bytes

SEAL = 10  # characters


@dataclass(frozen=True, slots=True)
class Signer:
    """HMAC-SHA256 over the purpose and the words, by the installation's own key. retired: keys that signed before; they only verify."""

    key: bytes = b""
    retired: tuple[bytes, ...] = ()

    def sign(self, purpose: str, *words: str) -> str:
        """A URL-safe token that carries the words in the open."""
        payload = "\0".join(words).encode()
        return f"{_text(payload)}.{_key_id(self.key)}{_text(_mac(self.key, purpose, payload))}"

    def read(self, purpose: str, token: str) -> tuple[str, ...] | None:
        """The words, or None when the token is not ours for this purpose."""
        head, dot, tail = token.partition(".")
        try:
            payload, mac = _bytes(head), _bytes(tail[-_MAC_TEXT:])
        except ValueError:
            return None
        # Links signed before keys had ids say nothing of theirs.
        keys = [key for key in (self.key, *self.retired) if key and tail[:-_MAC_TEXT] in ("", _key_id(key))]
        # Also where no key is known by this id one signature is made, so that nothing is told by the time it takes.
        known = [hmac.compare_digest(mac, _mac(key, purpose, payload)) for key in keys or [_NOBODYS]]
        return tuple(payload.decode(errors="replace").split("\0")) if dot and keys and any(known) else None

    def seal(self, word: str) -> str:
        """A short proof for a word that stands in the open where only small letters survive, such as an address: 50 bits."""
        return _seal(self.key, word)

    def sealed(self, word: str, seal: str | None) -> bool:
        """Whether the seal was made for this word, by this key or a retired one."""
        given = (seal or "").encode()
        return any(hmac.compare_digest(given, _seal(key, word).encode()) for key in (self.key, *self.retired) if key)


def _seal(key: bytes, word: str) -> str:
    return base64.b32encode(_mac(key, "seal", word.encode()))[:SEAL].decode().lower()


def _mac(key: bytes, purpose: str, payload: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + payload, "sha256")[:_MAC]


@lru_cache(maxsize=16)
def _key_id(key: bytes) -> str:
    return _text(hashlib.sha256(b"kabar key id\0" + key).digest())[:_KEY_ID]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


_MAC_TEXT = len(_text(bytes(_MAC)))
_NOBODYS = bytes(32)

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
