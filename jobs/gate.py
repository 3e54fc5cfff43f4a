"""What holds a process back, read again twice a second for all its blocks together: held accounts, and pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from store import limits, versions
from store.engine import Database
from store.versions import Pause

LOOK = timedelta(seconds=0.4)  # so that what one worker hears reaches every other within a second
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Gate:
    """One a process. What this process hears itself it knows at once.

    closing: it stops, so nothing more is begun. over: its grace is used up, so what is under way is let go
    """

    closing: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    _read: Mapping[str, datetime] = field(default_factory=dict)  # account → held until
    _heard: dict[str, datetime] = field(default_factory=dict)
    _pauses: tuple[Pause, ...] = ()
    _looked: datetime = NEVER
    _queues: dict[str, asyncio.Lock] = field(default_factory=dict)

    def queue(self, channel: str) -> asyncio.Lock:
        """Held by the one block of this process that waits for its turn on a channel."""
        return self._queues.setdefault(channel, asyncio.Lock())

    async def look(self, database: Database, now: datetime) -> None:
        """Read again when that is due; of several blocks one asks, and the others do not wait for it."""
        if now - self._looked < LOOK:
            return
        before, self._looked = self._looked, now
        try:
            async with database.begin() as connection:
                self._read, self._pauses = await limits.held(connection, now), await versions.pauses(connection)
        except BaseException:
            self._looked = before
            raise

    def hear(self, account: str, until: datetime) -> bool:
        """Nobody in this process sends on it before. False when that is no news, give or take a second."""
        if until - self._heard.get(account, NEVER) < timedelta(seconds=1):
            return False
        self._heard[account] = until
        return True

    def leased(self, account: str) -> None:
        """The row itself says that it is free: what was read before is out of date."""
        self._read = {name: until for name, until in self._read.items() if name != account}

    def holds(self, account: str, now: datetime) -> bool:
        """Whether nothing may be sent on it."""
        return self.closing.is_set() or max(self._read.get(account, NEVER), self._heard.get(account, NEVER)) > now

    def stops(self, campaigns: Iterable[str], channel: str) -> bool:
        """Whether one of the campaigns was paused meanwhile, or the channel."""
        return bool(self._pauses) and any(pause.holds(name, channel) for pause in self._pauses for name in campaigns)
