"""When a message that could not be sent is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

MAX_ATTEMPTS = 6
FIRST = timedelta(seconds=30)
FACTOR = 3.0
LONGEST = timedelta(hours=1)


def next_attempt(attempts: int, asked: timedelta | None, chance: random.Random) -> timedelta | None:
    """Wait after so many attempts: exponential with jitter of ±20 %, never shorter than the provider asked; None = give up."""
    if attempts >= MAX_ATTEMPTS:
        return None
    backoff = min(FIRST * (FACTOR ** max(attempts - 1, 0)), LONGEST) * chance.uniform(0.8, 1.2)
    return max(backoff, asked or timedelta(0))
