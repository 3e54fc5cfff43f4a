"""What became of each message of a fleet, counted by what was promised of its kind, from the providers' own log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.storm.books import Ours, Theirs
from tests.storm.judge import REACHED, RESENT, discrepancies

COLLAPSED = ("push", "popup")  # the device, or the app, shows a repeat of our id once
WAITING = ("queued", "deferred")


class Kind(StrEnum):
    ONCE = "at most once"
    AGAIN = "sent again in doubt"
    SAFE = "collapsed by our id"


@dataclass
class Count:
    """Messages of one kind.

    lost:    neither taken by the provider nor, where nothing is sent twice, visibly in doubt or waiting
    doubled: taken more than once; copies: how often more than once
    unknown: visibly in doubt; never: of those, never taken
    """

    messages: int = 0
    reached: int = 0
    lost: int = 0
    doubled: int = 0
    copies: int = 0
    flagged: int = 0
    silent: int = 0  # doubled and not flagged
    unknown: int = 0
    never: int = 0


@dataclass
class Tally:
    kinds: Mapping[Kind, Count] = field(default_factory=lambda: {kind: Count() for kind in Kind})
    breaches: list[str] = field(default_factory=list)


def kind_of(message: Any) -> Kind:
    if message.channel in COLLAPSED:
        return Kind.SAFE
    return Kind.AGAIN if message.category in RESENT else Kind.ONCE


def judge(our: Ours, their: Theirs, *, in_flight: int, cut: bool = False) -> Tally:
    """in_flight: messages of the kind that is sent again that were with a sender at the moment it was killed, over all kills.

    cut: the network broke answers off on their way
    """
    tally = Tally(breaches=discrepancies(our, their, killed=True, cut=cut))
    for message in our.messages:
        tally.breaches += _one(message, their, tally.kinds[kind_of(message)])
    if (copies := tally.kinds[Kind.AGAIN].copies) > in_flight:
        tally.breaches.append(f"{copies} repeats, but only {in_flight} messages were in flight at a kill")
    return tally


def _one(message: Any, their: Theirs, count: Count) -> Iterator[str]:
    kind = kind_of(message)
    copies = Counter(line["to"] for line in their.of(message).accepted)
    taken = message.on_tray if message.channel == "popup" else bool(copies)
    more = sum(each - 1 for each in copies.values())
    in_sight = kind is Kind.ONCE and message.status in ("unknown", *WAITING)
    count.messages += 1
    count.reached += taken
    count.flagged += message.maybe_duplicate
    count.doubled += more > 0
    count.copies += more
    count.unknown += message.status == "unknown"
    count.never += message.status == "unknown" and not taken
    named = f"message {message.id} ({message.channel}, {message.campaign}, {kind}) is {message.status} ({message.reason})"
    if not taken and not in_sight:
        count.lost += 1
        yield f"{named}: lost"
    if taken and message.status not in (*REACHED, "unknown"):
        yield f"{named}: the provider has it"
    if more and kind is Kind.ONCE:
        yield f"{named}: the provider took it {more + 1} times"
    if more and kind is Kind.AGAIN and not message.maybe_duplicate:
        count.silent += 1
        yield f"{named}: taken {more + 1} times, not flagged"


def heard(acknowledged: frozenset[str], planned: Mapping[str, int]) -> list[str]:
    """Each event that was acknowledged is one message, and nothing else is. planned: messages by event id, as our database has them."""
    found = [f"event {event} was acknowledged and is {planned.get(event, 0)} messages" for event in sorted(acknowledged)]
    found = [line for line, event in zip(found, sorted(acknowledged), strict=True) if planned.get(event, 0) != 1]
    return found + [f"event {event} was never acknowledged" for event in sorted(planned.keys() - acknowledged)]
