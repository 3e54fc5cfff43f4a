"""Who else is out in a storm: the house's web face, the customers' app, which reports, and an operator, who lifts what was stopped."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aiohttp import ClientSession
from pydantic import SecretStr

from config.settings import HttpSettings, Settings
from console.http import serve
from jobs.house import House
from store import platforms, versions

KEY = "storm"
SETTINGS = Settings(http=HttpSettings(port=0, api_key=SecretStr(KEY)), stop_grace=1)
BATCH = 150


@asynccontextmanager
async def face(house: House) -> AsyncIterator[str]:
    """The address of the house's web process, until it is left."""
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    web = asyncio.create_task(serve(house, stop, port.set_result))
    try:
        yield f"http://127.0.0.1:{await port}"
    finally:
        stop.set()
        await web


@dataclass
class App:
    """The customers' phones: reads the log of what was pushed, and reports receipts and opens, each three times and shuffled."""

    pushed: Path
    log: Path
    house: str
    chance: Random
    _read: int = 0
    _known: set[str] = field(default_factory=set)

    async def report(self, now: datetime) -> int:
        """Everything pushed since the last time; how many reports."""
        told = [item for line in self._new() for item in self._reports(line, now)]
        items = told * 3
        self.chance.shuffle(items)
        async with ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as web:
            for start in range(0, len(items), BATCH):
                async with web.post(f"{self.house}/v1/receipts/push", json={"items": items[start : start + BATCH]}) as answer:
                    answer.raise_for_status()
        with self.log.open("a", encoding="utf-8") as log:
            log.writelines(json.dumps({"is": "told", "channel": "push", "item": item}) + "\n" for item in told)
        return len(told)

    def _new(self) -> Iterator[dict[str, Any]]:
        with self.pushed.open("rb") as log:
            log.seek(self._read)
            for raw in log:
                if not raw.endswith(b"\n"):
                    return
                self._read += len(raw)
                line = json.loads(raw)
                if line["is"] == "accepted" and line["channel"] == "push":
                    yield line

    def _reports(self, line: dict[str, Any], now: datetime) -> Iterator[dict[str, Any]]:
        wanted = ["received"] if self.chance.random() < 0.9 else []
        wanted += ["open"] if self.chance.random() < 0.4 else []
        for kind in wanted:
            event = str(uuid5(NAMESPACE_OID, f"{line['to']} {line['key']} {kind}"))
            if event not in self._known:
                self._known.add(event)
                yield {"event_id": event, "delivery_id": line["key"], "type": kind, "at": now.isoformat()}


@dataclass
class Operator:
    """Lifts every stop Kabar set on a provider's word, and remembers which."""

    lifted: Counter[str] = field(default_factory=Counter)

    async def look(self, house: House) -> int:
        async with house.database.begin() as connection:
            stops = await versions.pauses(connection)
            self.lifted.update(stop.reason for stop in stops)
            await versions.resume(connection, campaign=None, channel=None, everything=True)
            self.lifted.update(stop.reason for stop in await platforms.lift(connection, None))
        return len(stops)
