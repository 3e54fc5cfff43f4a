"""What Meta holds a business to beyond each single message: the pace to one person, offers and people a day, templates' states."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt

from channels.sandbox.people import user_id
from channels.sandbox.tally import draw

DAY = timedelta(hours=24)
PAIR_RATE, SPAM, ENOUGH_OFFERS = 131056, 131048, 131049


class Behaviour(BaseModel):
    """What of it is kept to; nothing unless told.

    pair_seconds: a message to the same person sooner than this is refused with 131056
    people_a_day: one to another person beyond so many in 24 hours is refused with 131048 (Meta documents no code for it)
    offers_a_day: a marketing message beyond so many to one person in 24 hours fails later, by webhook, with 131049
    held:         share of the messages that are held for quality assessment at first
    hidden:       numbers, exact or globs, whose owners hide them: webhooks name their user ids alone
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pair_seconds: NonNegativeFloat = 0
    people_a_day: PositiveInt | None = None
    offers_a_day: PositiveInt | None = None
    held: Annotated[float, Field(ge=0, le=1)] = 0
    hidden: tuple[str, ...] = ()


class Conduct:
    """Who was written to when, and what is to be said to the next message."""

    def __init__(self, now: Callable[[], datetime], seed: int) -> None:
        self._now = now
        self._seed = seed
        self._last: dict[str, datetime] = {}
        self._offers: dict[str, list[datetime]] = {}
        self.behaviour = Behaviour()

    def refusal(self, to: str) -> int | None:
        """The code a message is answered with; None = it is taken."""
        person, now = user_id(to), self._now()
        last = self._last.get(person)
        if last is not None and now - last < timedelta(seconds=self.behaviour.pair_seconds):
            return PAIR_RATE
        allowed, known = self.behaviour.people_a_day, last is not None and last > now - DAY
        full = allowed is not None and not known and sum(at > now - DAY for at in self._last.values()) >= allowed
        return SPAM if full else None

    def failure(self, to: str, *, marketing: bool) -> int | None:
        """The code a message that was taken fails with later; None = it arrives."""
        allowed, recent = self.behaviour.offers_a_day, self._recent(to)
        return ENOUGH_OFFERS if marketing and allowed is not None and len(recent) >= allowed else None

    def taken(self, to: str, *, marketing: bool) -> None:
        """A message is on its way."""
        if self.behaviour != Behaviour():
            self._last[user_id(to)] = self._now()
            if marketing:
                self._offers[user_id(to)] = [*self._recent(to), self._now()]

    def held(self, to: str, key: str) -> bool:
        return self.behaviour.held > 0 and draw(self._seed, "held", to, key) < self.behaviour.held

    def hides(self, to: str) -> bool:
        """Does this person hide the number?"""
        return any(fnmatchcase(to, pattern) for pattern in self.behaviour.hidden)

    def _recent(self, to: str) -> list[datetime]:
        return [at for at in self._offers.get(user_id(to), ()) if at > self._now() - DAY]
