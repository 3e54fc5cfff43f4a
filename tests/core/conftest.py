"""The house with the sandbox on the other end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from channels.sandbox.server import Sandbox
from jobs.clock import VirtualClock
from jobs.house import House
from scheduler.drive import Send
from tests.world import at, now_only, play, sandbox, sending


@dataclass
class Stage:
    """A house that can send, its providers, and the clock in the director's hand."""

    house: House
    clock: VirtualClock
    provider: Sandbox
    send: Send

    async def until(self, local: str) -> None:
        """Play on to a moment by Jakarta's clocks."""
        await play(self.house, self.clock, at(local), self.send)

    async def now(self) -> None:
        """Let everything happen that can happen at this moment."""
        await now_only(self.house, self.clock, self.send)

    def delivered(self, channel: str = "push") -> list[datetime]:
        return [delivery.at for delivery in reversed(self.provider.journal.find(channel=channel))]


@pytest.fixture
async def stage(house: House, clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Stage]:
    async with sandbox(tmp_path, clock) as provider, sending(house, provider) as (able, send):
        yield Stage(able, clock, provider, send)
