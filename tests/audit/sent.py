"""Plants what was sent, as rows, without any of the code that decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from jobs.audit import Audit, examine
from jobs.house import House
from store import tables, versions
from tests.world import campaign, configure, files, person

RULES = """
windows: {after-office: {weekdays: "19:00-21:30", weekends: "10:00-21:30"}, night: {weekdays: "22:00-02:00"}, any-time: always}
segment_windows: {regular: after-office}
overlap:
  gap: 2h
  same_topic: 3d
  caps: [{channel: push, max: 1, per: day}, {channel: whatsapp, max: 2, per: 7d}, {category: promo, max: 3, per: week}]
categories:
  service: {priority: 100, ignore: [window, gap, caps, topic]}
  reminder: {priority: 50}
  info: {priority: 30, ignore: [gap]}
  promo: {priority: 10, offer: true}
"""
JAKARTA = "Asia/Jakarta"
LONG_AGO, FAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


def at(text: str, zone: str = JAKARTA) -> datetime:
    """`2026-11-20 19:00` on a clock in a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@dataclass
class Evening:
    """A house with rules and one customer, and what that customer was sent."""

    house: House
    version: int
    person: int
    _numbers: Any = field(default_factory=lambda: count(1))

    async def sent(self, when: datetime, **changes: Any) -> int:
        """A message released at a moment and sent `after` it (three seconds); its run is its own unless given."""
        after = changes.pop("after", timedelta(seconds=3))
        run = changes.pop("run", None) or await self.run(changes.pop("content_hash", None))
        values = {
            "run_id": run,
            "person_id": self.person,
            "channel": "push",
            "category": "reminder",
            "variant": 0,
            "window_key": f"seg:regular@{JAKARTA}",
            "status": "sent",
            "queued_at": when - timedelta(hours=1),
            "released_at": when,
            "sent_at": when + after,
            "expires_at": FAR,
            "rules_id": self.version,
        }
        return await self.put(tables.messages, values | changes)

    async def run(self, content_hash: str | None = None) -> int:
        number = next(self._numbers)
        values = {
            "campaign": "hello",
            "occurrence": f"2026-11-20T{number}",
            "version_id": self.version,
            "content_hash": content_hash or (await self.config()).content_hash("hello"),
            "category": "reminder",
            "priority": 50,
            "channels": ["push"],
            "due_at": FAR,
            "expires_at": FAR,
            "status": "active",
        }
        return await self.put(tables.runs, values)

    async def config(self) -> Any:
        async with self.house.database.begin() as connection:
            return (await self.house.catalog.version(connection, self.version)).config

    async def now_under(self, rules: str) -> None:
        """Other rules come into force."""
        self.version = await _publish(self.house, rules)

    async def put(self, table: Any, values: dict[str, Any]) -> int:
        """The id of the new row; 0 where rows are known by another key."""
        async with self.house.database.begin() as connection:
            key = (await connection.execute(insert(table).values(**values).returning(*table.primary_key.columns))).scalar_one()
            return key if isinstance(key, int) else 0

    async def customer(self, number: int, **changes: Any) -> int:
        return await person(self.house.database, number, **changes)

    async def examine(self, since: datetime | None = None) -> Audit:
        return await examine(self.house, since)

    async def breaches(self) -> list[tuple[str, int]]:
        """(kind, message) of every breach."""
        return [(str(each.kind), each.message_id) for each in (await self.examine()).found]


async def evening(house: House, rules: str = RULES) -> Evening:
    return Evening(house, await _publish(house, rules), await person(house.database, 1))


async def _publish(house: House, rules: str) -> int:
    version = await configure(house, files(campaign(channels="[push, whatsapp, email, popup]"), rules=rules), approve=False)
    async with house.database.begin() as connection:
        content = (await house.catalog.version(connection, version)).config.content_hash("hello")
        await versions.approve(connection, campaign="hello", content_hash=content, by="qa", now=LONG_AGO)
    return version
