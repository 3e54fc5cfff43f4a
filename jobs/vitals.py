"""The vital signs of one process: when each of its parts last did what it is there for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE = 60.0  # seconds


@dataclass
class _Sign:
    within: float
    since: float
    good: bool = False  # ever
    good_at: float = 0.0
    round_at: float = 0.0
    failed: bool = False  # since it was good
    broken: bool = False  # the same, and nothing excuses it


@dataclass
class Vitals:
    """now: seconds of a clock that nobody sets. Signs that nobody expects are not kept."""

    now: Callable[[], float] = time.monotonic
    _signs: dict[str, _Sign] = field(default_factory=dict)

    def expect(self, name: str, within: float = PATIENCE) -> None:
        """From now on it shows a good sign at least once in so many seconds."""
        now = self.now()
        self._signs[name] = _Sign(within, now, good_at=now, round_at=now)

    def good(self, name: str) -> None:
        """It did its work."""
        if sign := self._signs.get(name):
            sign.good, sign.good_at, sign.round_at = True, self.now(), self.now()
            sign.failed = sign.broken = False

    def at_work(self, name: str) -> bool:
        """It is in the middle of a round, and that is within its limit. False when this proves nothing: the last round failed of itself."""
        sign = self._signs.get(name)
        if sign is None or sign.broken:
            return False
        sign.round_at = self.now()
        if not sign.failed:
            sign.good_at = self.now()
        return True

    def came_round(self, name: str, *, excused: bool) -> None:
        """It failed. excused: for want of the database, which no restart of this process brings back."""
        if sign := self._signs.get(name):
            sign.failed, sign.broken = True, not excused
            if excused:
                sign.round_at = self.now()

    def ready(self) -> bool:
        """Whether every part has been good once."""
        return all(sign.good for sign in self._signs.values())

    def late(self) -> list[str]:
        """What has not been good for too long."""
        return [name for name, sign in self._signs.items() if self.now() - sign.good_at > sign.within]

    def stuck(self) -> list[str]:
        """What has been neither good nor excused for too long: this process had better be started anew."""
        return [name for name, sign in self._signs.items() if self.now() - sign.round_at > sign.within]
