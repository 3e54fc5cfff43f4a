"""The chain of the audit log: what a row's hash is made of. One place for writing, migrating and verifying."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FIRST = "0" * 64  # what the first row follows


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit log as it is stored."""

    id: int
    at: datetime
    actor: str
    action: str
    detail: Mapping[str, Any]
    prev_hash: str
    hash: str

    def __str__(self) -> str:
        return f"row {self.id} ({self.action} by {self.actor}, {utc(self.at)})"


def plain(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The detail as jsonb gives it back. It would give back other floats than it got, so these become text."""
    found: dict[str, Any] = json.loads(json.dumps(dict(detail), default=str), parse_float=str, parse_constant=str)
    return found


def seal(prev_hash: str, number: int, at: datetime, actor: str, action: str, detail: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the row and of the hash before it. Never to be changed: every row there is was hashed so."""
    words = [prev_hash, number, utc(at), actor, action, detail]
    text = json.dumps(words, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def utc(at: datetime) -> str:
    """`2026-11-20T12:00:00.000000+00:00`: to the microsecond, as PostgreSQL keeps it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


class Chain:
    """Follows the rows in their order and says what is wrong with each; remembers only the last one.

    head: a hash that was written down elsewhere, and has to come by
    """

    def __init__(self, head: str | None = None) -> None:
        self.last: Entry | None = None
        self.rows = 0
        self._head = head
        self._met = False

    def follow(self, entry: Entry) -> Iterator[str]:
        if seal(entry.prev_hash, entry.id, entry.at, entry.actor, entry.action, entry.detail) != entry.hash:
            yield f"{entry}: is not what was hashed; it was changed"
        if entry.prev_hash != (self.last.hash if self.last else FIRST):
            yield self._broken(entry)
        self.last, self.rows = entry, self.rows + 1
        self._met |= entry.hash == self._head

    def end(self) -> Iterator[str]:
        if self._head is not None and not self._met:
            yield f"no row has the hash {self._head}: the end of the log was removed, or the log was written anew"

    def _broken(self, entry: Entry) -> str:
        if self.last is None:
            return f"{entry}: is not the first; the rows before it are gone"
        if entry.id > self.last.id + 1:
            missing = f"row {self.last.id + 1}" if entry.id == self.last.id + 2 else f"rows {self.last.id + 1} to {entry.id - 1}"
            return f"{missing}: missing between row {self.last.id} and {entry}"
        return f"{entry}: does not follow row {self.last.id}; one of the two was put in, moved, or changed and hashed anew"
