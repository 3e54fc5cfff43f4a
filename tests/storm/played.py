"""Plays a storm: the whole house, its web face, its providers, an app that reports, and an operator who lifts what was stopped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aiohttp import ClientSession

from jobs.house import House
from store import versions

AUTH = {"Authorization": "Bearer storm"}
BATCH = 150


@dataclass
class App:
    """The customers' phones: reads the log of what was pushed, and reports receipts and opens, each three times and shuffled."""

    pushed: Path
    log: Path
    web: ClientSession
    chance: Random
    _read: int = 0
    _known: set[str] = field(default_factory=set)

    async def report(self, now: datetime) -> int:
        """Everything pushed since the last time; how many reports."""
        told = [item for line in self._new() for item in self._reports(line, now)]
        items = told * 3
        self.chance.shuffle(items)
        for start in range(0, len(items), BATCH):
            async with self.web.post("/v1/receipts/push", json={"items": items[start : start + BATCH]}, headers=AUTH) as answer:
                assert answer.status == 200, await answer.text()
        with self.log.open("a", encoding="utf-8") as log:
            log.writelines(json.dumps({"is": "told", "channel": "push", "item": item}) + "\n" for item in told)
        return len(told)

    def _new(self) -> Iterator[dict[str, Any]]:
        with self.pushed.open("rb") as log:
            log.seek(self._read)
            for raw in log:
                if not raw.endswith(b"\n"):
                    break
                self._read += len(raw)
                line = json.loads(raw)
                if line["is"] == "accepted" and line["channel"] == "push":
                    yield line

    def _reports(self, line: dict[str, Any], now: datetime) -> Iterator[dict[str, Any]]:
        wanted = ["received"] if self.chance.random() < 0.9 else []
        wanted += ["open"] if self.chance.random() < 0.4 else []
        for kind in wanted:
            event = uuid5(NAMESPACE_OID, f"{line['to']} {line['key']} {kind}")
            if str(event) not in self._known:
                self._known.add(str(event))
                yield {"event_id": str(event), "delivery_id": line["key"], "type": kind, "at": now.isoformat()}


@dataclass
class Operator:
    """Lifts every stop Kabar set on a provider's word, and remembers which."""

    lifted: Counter[tuple[str | None, str | None, str]] = field(default_factory=Counter)

    async def look(self, house: House) -> int:
        async with house.database.begin() as connection:
            stops = await versions.pauses(connection)
            for stop in stops:
                self.lifted[stop.campaign, stop.channel, stop.reason] += 1
            await versions.resume(connection, campaign=None, channel=None, everything=True)
        return len(stops)
