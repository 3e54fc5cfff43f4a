"""One message under two configurations: what is different, and which rule made it so. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import zip_longest

from store.compared import Outcome


class Kind(StrEnum):
    """What a change of configuration does to a message in the time that is rehearsed."""

    DROPPED = "dropped"  # went, and does not go nor wait now
    GAINED = "gained"  # goes now, and did not go nor wait
    CHANNEL = "other channel"
    LATER = "later"
    EARLIER = "earlier"
    WAITS = "waits longer"  # still waits when the rehearsal ends
    UNSENT = "unsent"  # does not go either way, for another reason


GOES, WAITS, NEVER = 2, 1, 0
# Closer than this is the queue in front of the channel, not a decision.
SAME_TIME = timedelta(minutes=1)
PLANNED_LATER = "planned_later"
CHANNELS, FIRST_CHANNEL, NO_CHANNEL = "channels", "first_channel", "no_channel"
QUEUE = "queue"  # no rule at all: the channel takes so many a second
_WENT = frozenset({"released", "sending", "sent", "delivered", "read", "unknown", "merged"})
_VAGUE = frozenset({"expired", "expired:queue_for"})  # says that it was too late, not what it waited for
_OF_A_CHANNEL = frozenset({"no_consent", "opted_out", "no_hours_consent", "no_address"})
_OF_BEFORE = frozenset({Kind.GAINED, Kind.EARLIER})

Pair = tuple[Outcome | None, Outcome | None]
Closed = Callable[[str, datetime], str | None]  # (window key, instant) → the window's name if it is closed then


@dataclass(frozen=True, slots=True)
class Change:
    """before, after: None where the message is not planned at all. rule: `code` or `code:detail`, of the side that stands in the way."""

    kind: Kind
    before: Outcome | None
    after: Outcome | None
    rule: str

    @property
    def message(self) -> Outcome:
        """Whom and what it is about, whichever side has it."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def by_before(self) -> bool:
        """The rule is one of the configuration before; else of the one after."""
        return self.kind in _OF_BEFORE

    @property
    def shift(self) -> timedelta | None:
        """How much later it goes; None unless it goes both times."""
        if self.before is None or self.after is None or not rank(self.before) == rank(self.after) == GOES:
            return None
        return self.after.at - self.before.at if self.after.at and self.before.at else None


def rank(outcome: Outcome | None) -> int:
    """GOES, WAITS or NEVER."""
    if outcome is None:
        return NEVER
    return GOES if outcome.status in _WENT else WAITS if outcome.status in ("queued", "deferred") else NEVER


def way(outcome: Outcome) -> str:
    """By what it comes: its channel, or inside another message there."""
    return f"{outcome.channel} (merged)" if outcome.status == "merged" else outcome.channel


def pairs(before: Sequence[Outcome], after: Sequence[Outcome]) -> Iterator[Pair]:
    """One run's messages to one person on both sides: those of the same channel belong together, then what is left in order."""
    was, now = {each.channel: each for each in before}, {each.channel: each for each in after}
    yield from ((was[channel], now[channel]) for channel in was if channel in now)
    yield from zip_longest(
        (each for channel, each in was.items() if channel not in now), (each for channel, each in now.items() if channel not in was)
    )


def kind_of(before: Outcome | None, after: Outcome | None) -> Kind | None:
    """None: nothing that anybody would notice."""
    was, now = rank(before), rank(after)
    if before is None or after is None or NEVER in (was, now):
        if GOES in (was, now):
            return Kind.DROPPED if was == GOES else Kind.GAINED
        return Kind.UNSENT if plain_reason(before) != plain_reason(after) else None
    if was != now:
        return Kind.WAITS if now == WAITS else Kind.EARLIER
    if was == GOES and way(before) != way(after):
        return Kind.CHANNEL
    if before.at is None or after.at is None or abs(after.at - before.at) < SAME_TIME:
        return None
    return Kind.EARLIER if after.at < before.at else Kind.LATER if was == GOES else Kind.WAITS


def plain_reason(outcome: Outcome | None) -> str:
    """Why it does not go, without the number of the message that stood in the way."""
    code, _, detail = (_said(outcome) if outcome else "not_planned").rpartition(":")
    return code if code and detail.isdigit() else f"{code}:{detail}" if code else detail


def hindrance(outcome: Outcome, other: Outcome | None, closed: Closed) -> str:
    """What kept the message from going when the other configuration lets it go, or decides about it: `code` or `code:detail`."""
    if rank(outcome) == NEVER and (said := _said(outcome)) not in _VAGUE:
        return _of_all_channels(said, other)
    return _kept(outcome, other.at if other else None, closed) or QUEUE


def _of_all_channels(said: str, other: Outcome | None) -> str:
    """Of several channels it is the first that names the reason; it is none for what goes by another."""
    code, _, channel = said.partition(":")
    if other and rank(other) == GOES and code in _OF_A_CHANNEL and channel != other.channel:
        return f"{NO_CHANNEL}:{other.channel}"
    return said


def _kept(outcome: Outcome, at: datetime | None, closed: Closed) -> str:
    waits = list(_waits(outcome))
    if at is None:
        return waits[-1][2] if waits else outcome.reason or ""
    if outcome.queued_at >= at + SAME_TIME:
        return PLANNED_LATER
    if found := next((why for since, until, why in waits if since <= at < until), None):
        return found
    if name := closed(outcome.window_key, at):
        return f"outside_window:{name}"
    return next((why for _, until, why in waits if until > at), outcome.reason or "")


def _said(outcome: Outcome) -> str:
    """The reason of the end; of what expired, what it had waited for."""
    return (outcome.reason or outcome.status).removeprefix("expired_after:")


def _waits(outcome: Outcome) -> Iterator[tuple[datetime, datetime, str]]:
    """(from, until, why) of each deferral, the oldest first."""
    for step in json.loads(outcome.trail):
        if step["is"] == "deferred" and "until" in step:
            yield datetime.fromisoformat(step["at"]), datetime.fromisoformat(step["until"]), step["why"]
