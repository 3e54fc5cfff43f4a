"""Time for the jobs: the database's clock in production, a virtual one in rehearsal, demo and tests."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import text

from store.engine import Database

DRIFT = 1e-4  # of two good clocks against each other; a machine's oscillator is allowed as much


class Clock(Protocol):
    """One clock for all machines, so that leases cannot be stolen by a fast one."""

    def now(self) -> datetime:
        """Aware, UTC."""

    async def sync(self) -> datetime:
        """Ask the source again; returns now."""

    async def sleep(self, seconds: float) -> None:
        """Let this much of the clock's own time pass."""


_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


def _elapsed() -> float:
    """Seconds that nobody sets, and, where the system can count so, those that the machine slept: what waited then is late."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


class DatabaseClock:
    """The database's time, carried on between syncs by the seconds of the machine.

    An answer that took long says little about when it was given: unless the clocks were set anew, the better of two readings stays.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._base: datetime | None = None
        self._at = 0.0
        self._doubt = 0.0  # seconds the reading may be wrong by

    def now(self) -> datetime:
        if self._base is None:
            raise RuntimeError("the clock was never synced")
        return self._base + timedelta(seconds=_elapsed() - self._at)

    async def sync(self) -> datetime:
        async with self._database.engine.connect() as connection:
            before = _elapsed()
            read: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
            after = _elapsed()
        self._learn(read, (before + after) / 2, (after - before) / 2)
        return self.now()

    def _learn(self, read: datetime, at: float, doubt: float) -> None:
        if self._base is not None:
            kept = self._doubt + DRIFT * (at - self._at)
            apart = abs((self._base - read).total_seconds() + at - self._at)
            if doubt >= kept and apart <= doubt + kept:
                return
        self._base, self._at, self._doubt = read, at, doubt

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0))


class VirtualClock:
    """Stands still until somebody sleeps or sets it; then it jumps."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    async def sync(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.advance_to(self._now + timedelta(seconds=max(seconds, 0)))
        await asyncio.sleep(0)

    def advance_to(self, at: datetime) -> None:
        """Never backwards."""
        self._now = max(self._now, at)
