"""Counts per key in bounded memory, and a coin that falls the same way in every run."""

from __future__ import annotations

from hashlib import blake2b


class Tally:
    """How often each key was seen. Remembers at least the last `limit` keys, and at most twice as many (about 100 bytes each)."""

    def __init__(self, limit: int = 500_000) -> None:
        self._limit = limit
        self._recent: dict[int, int] = {}
        self._older: dict[int, int] = {}

    def add(self, *key: str) -> int:
        """Count one more and return the count so far."""
        number = hash(key)
        count = (self._recent.get(number) or self._older.get(number, 0)) + 1
        self._recent[number] = count
        if len(self._recent) > self._limit:
            self._older, self._recent = self._recent, {}
        return count

    def clear(self) -> None:
        self._recent, self._older = {}, {}


def draw(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone: the same in whatever order and process it is asked."""
    digest = blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
