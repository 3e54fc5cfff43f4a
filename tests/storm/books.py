"""Two books of one storm: what our database says became of each message, and what the providers wrote down themselves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.links import message_key
from store.engine import Database, open_database
from tests.world import rows

_MESSAGES = """
SELECT m.id, m.person_id, m.channel, m.category, m.status, m.reason, m.provider_id, m.maybe_duplicate, m.attempts, r.campaign,
       EXISTS (SELECT FROM popups p WHERE p.message_id = m.id) AS on_tray
FROM messages m JOIN runs r ON r.id = m.run_id ORDER BY m.id
"""
_ATTEMPTS = """
SELECT t.message_id, t.outcome, t.code, t.provider_id, a.value AS address FROM attempts t LEFT JOIN addresses a ON a.id = t.address_id
ORDER BY t.id
"""
_DEAD = "SELECT sort, value, code FROM suppressions WHERE kind = 'address'"
_OPTED_OUT = "SELECT person_id FROM suppressions WHERE kind = 'opt_out' AND channel = 'whatsapp'"
_OWNERS = "SELECT value, person_id FROM addresses WHERE sort = 'phone'"
_RECEIPTS = """
SELECT count(*) FILTER (WHERE applied_at IS NULL) AS waits, count(*) FILTER (WHERE error IS NOT NULL) AS bad FROM receipts
"""


@dataclass(frozen=True, slots=True)
class Ours:
    """attempts: by message. dead: (sort, address). opted_out: people. owners: by phone or user id.

    unapplied: receipts that wait; refused: receipts with an error
    """

    messages: tuple[Any, ...]
    attempts: Mapping[int, tuple[Any, ...]]
    dead: frozenset[tuple[str, str]]
    opted_out: frozenset[int]
    owners: Mapping[str, int]
    unapplied: int
    refused: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What the providers wrote of one message, in their order."""

    accepted: list[Mapping[str, Any]] = field(default_factory=list)
    refused: list[Mapping[str, Any]] = field(default_factory=list)
    broken: list[Mapping[str, Any]] = field(default_factory=list)
    told: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Theirs:
    """By message key. said: phones whose owners wrote that they want no more."""

    by_key: Mapping[str, Seen]
    said: frozenset[str]

    def of(self, message: Any) -> Seen:
        return self.by_key.get(message_key(message.id), _NOTHING)


_NOTHING = Seen()


async def ours(database: Database) -> Ours:
    attempts: dict[int, list[Any]] = defaultdict(list)
    for row in await rows(database, _ATTEMPTS):
        attempts[row.message_id].append(row)
    [kept] = await rows(database, _RECEIPTS)
    return Ours(
        tuple(await rows(database, _MESSAGES)),
        {message: tuple(found) for message, found in attempts.items()},
        frozenset((row.sort, row.value) for row in await rows(database, _DEAD)),
        frozenset(row.person_id for row in await rows(database, _OPTED_OUT)),
        {row.value: row.person_id for row in await rows(database, _OWNERS)},
        kept.waits,
        kept.bad,
    )


async def ours_of(url: str) -> Ours:
    database = open_database(url)
    try:
        return await ours(database)
    finally:
        await database.close()


def theirs(*logs: Path) -> Theirs:
    """From the log files of the sandbox and of the app."""
    return read(json.loads(line) for log in logs for line in log.read_text(encoding="utf-8").splitlines())


def read(lines: Iterable[Mapping[str, Any]]) -> Theirs:
    by_key: dict[str, Seen] = defaultdict(Seen)
    said: set[str] = set()
    for line in lines:
        if line["is"] == "told":
            item = line["item"]
            if item.get("type") == "text" and item["text"]["body"] == "STOP":
                said.add(f"+{item['from']}")
            by_key[item.get("biz_opaque_callback_data") or item.get("delivery_id", "")].told.append(item)
        else:
            getattr(by_key[line["key"]], line["is"]).append(line)
    return Theirs(by_key, frozenset(said))
