"""What customers got: the last messages in memory, counters of everything, and a log file that is the truth."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import TextIO

from channels.sandbox.private import keep_private
from channels.sandbox.tally import Tally


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message a provider accepted.

    key:      our id as the provider saw it: collapse tag, opaque callback data, local part of Message-ID
    answered: False when the sender was never told that it was accepted
    copies:   how often this key was accepted for this address, this time included; a device shows a repeated push tag once
    raw:      the request body, or the mail as it came over the wire
    """

    number: int
    at: datetime
    channel: str
    to: str
    key: str
    campaign: str
    provider_id: str
    answered: bool
    copies: int
    raw: bytes

    def facts(self) -> dict[str, object]:
        """Everything but the content, as the log file has it."""
        return {
            "is": "accepted",
            "at": self.at.isoformat(),
            "number": self.number,
            "channel": self.channel,
            "to": self.to,
            "key": self.key,
            "campaign": self.campaign,
            "provider_id": self.provider_id,
            "answered": self.answered,
            "copies": self.copies,
        }


@dataclass(slots=True)
class Counts:
    """One channel since the start. accepted = shown + repeats; unanswered is the part of it whose sender does not know."""

    accepted: int = 0
    shown: int = 0
    repeats: int = 0
    unanswered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, object]:
        return {
            "accepted": self.accepted,
            "shown": self.shown,
            "repeats": self.repeats,
            "unanswered": self.unanswered,
            "rejected": dict(self.rejected),
            "dropped": dict(self.dropped),
        }


class Journal:
    """Keeps the last `keep` messages within `keep_bytes` of content, and counts all.

    The log file has a JSON object a line, told apart by `is`: what was `accepted`, what was `refused` with a code, a connection that was
    `broken` in some way, and the news that our webhook has taken (`told`).
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        log_file: Path | None = None,
        *,
        keep: int = 20_000,
        keep_bytes: int = 128 * 1024 * 1024,
    ) -> None:
        self._now = now
        self._log_file = log_file
        self._log: TextIO | None = None
        self._kept: deque[Delivery] = deque()
        self._keep, self._keep_bytes, self._bytes = keep, keep_bytes, 0
        self._number = 0
        self._copies = Tally()
        self._waiting: list[tuple[int, asyncio.Event]] = []
        self.counts: dict[str, Counts] = {name: Counts() for name in ("push", "whatsapp", "email")}

    def open(self) -> None:
        if self._log_file is not None:
            self._log = keep_private(self._log_file).open("a", encoding="utf-8", buffering=1)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def accept(self, channel: str, *, to: str, key: str, campaign: str, provider_id: str, raw: bytes, answered: bool = True) -> Delivery:
        """Record one accepted message, before its sender is told."""
        self._number += 1
        copies = self._copies.add(channel, to, key) if key else 1
        delivery = Delivery(self._number, self._now(), channel, to, key, campaign, provider_id, answered, copies, raw)
        self._count(delivery)
        self._keep_one(delivery)
        self._write(delivery.facts())
        if self._waiting:
            self._wake()
        return delivery

    def reject(self, channel: str, code: str, *, to: str = "", key: str = "") -> None:
        """A refusal with the provider's code, before its sender is told."""
        self.counts[channel].rejected[code] += 1
        self._note("refused", channel=channel, to=to, key=key, code=code)

    def drop(self, channel: str, kind: str, *, to: str, key: str) -> None:
        """An exchange that ended without a proper answer."""
        self.counts[channel].dropped[kind] += 1
        self._note("broken", channel=channel, to=to, key=key, kind=kind)

    def told(self, channel: str, items: Iterable[Mapping[str, object]]) -> None:
        """News that the webhook at the other end has taken."""
        for item in items:
            self._note("told", channel=channel, item=item)

    def find(
        self,
        *,
        channel: str | None = None,
        to: str | Callable[[str], bool] | None = None,
        campaign: str | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Delivery]:
        """The newest first. `to` and `campaign` are exact or globs, `to` may be a question; `before`: only lower numbers."""
        reaches = to if callable(to) else lambda address: to is None or to == address or fnmatchcase(address, to)

        def wanted(delivery: Delivery) -> bool:
            return (
                channel in (None, delivery.channel)
                and (before is None or delivery.number < before)
                and reaches(delivery.to)
                and (campaign is None or fnmatchcase(delivery.campaign, campaign))
            )

        return list(islice(filter(wanted, reversed(self._kept)), limit))

    @property
    def newest(self) -> int:
        """The number of the last message accepted, kept or not; 0 before the first."""
        return self._number

    def get(self, number: int) -> Delivery | None:
        """None when it is not kept any more."""
        place = number - self._kept[0].number if self._kept else -1
        return self._kept[place] if 0 <= place < len(self._kept) else None

    def clear(self) -> None:
        """Forget messages, copies and counters; the log file stays."""
        self._kept.clear()
        self._copies.clear()
        self._bytes = 0
        self.counts = {name: Counts() for name in self.counts}

    async def reached(self, count: int) -> None:
        """Wait until `count` messages have been accepted since the start."""
        if self._number < count:
            event = asyncio.Event()
            self._waiting.append((count, event))
            await event.wait()

    def __iter__(self) -> Iterator[Delivery]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def _note(self, what: str, **facts: object) -> None:
        if self._log is not None:
            self._write({"is": what, "at": self._now().isoformat(), **facts})

    def _write(self, facts: Mapping[str, object]) -> None:
        if self._log is not None:
            self._log.write(json.dumps(facts) + "\n")

    def _count(self, delivery: Delivery) -> None:
        counts = self.counts[delivery.channel]
        counts.accepted += 1
        counts.unanswered += not delivery.answered
        if delivery.copies == 1:
            counts.shown += 1
        else:
            counts.repeats += 1

    def _keep_one(self, delivery: Delivery) -> None:
        self._kept.append(delivery)
        self._bytes += len(delivery.raw)
        while len(self._kept) > self._keep or (self._bytes > self._keep_bytes and len(self._kept) > 1):
            self._bytes -= len(self._kept.popleft().raw)

    def _wake(self) -> None:
        for _, event in filter(lambda waiting: waiting[0] <= self._number, self._waiting):
            event.set()
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > self._number]
