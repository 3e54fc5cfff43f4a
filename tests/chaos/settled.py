"""What became of a fleet's messages once nothing moves any more, and of its daemons, for promises that are not about kills."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping

from tests.chaos.fleet import Fleet
from tests.chaos.judge import Kind, Tally, judge
from tests.storm import books

_CHANNEL = re.compile(r'"channel": "(\w+)"')


def judged(fleet: Fleet, *, cut: bool = False) -> Tally:
    """The daemons are asked to stop first; each must do so in good order, and none may have ended before.

    cut: the network broke answers off on their way
    """
    ends = fleet.services.stop_all(fleet.daemons)
    our, their = asyncio.run(books.ours_of(fleet.postgres.url())), books.theirs(fleet.truth)
    tally = judge(our, their, in_flight=len(our.messages), cut=cut)
    tally.breaches += [f"{name} ended by itself: {codes}" for name, codes in fleet.ended.items()]
    tally.breaches += [f"{name} was asked to stop and ended with {code}" for name, code in ends.items() if code != 0]
    audit = fleet.kabar("audit")
    tally.breaches += [f"kabar audit: {audit.stdout}{audit.stderr}"] if audit.returncode else []
    return tally


def lines(fleet: Fleet) -> int:
    """Of the providers' own log."""
    return fleet.truth.read_bytes().count(b"\n") if fleet.truth.exists() else 0


def lines_by_channel(fleet: Fleet) -> Counter[str]:
    return Counter(_CHANNEL.findall(fleet.truth.read_text(encoding="utf-8")))


def figures(tally: Tally) -> Mapping[str, int | float | str]:
    kinds = tally.kinds
    return {
        "messages": sum(count.messages for count in kinds.values()),
        "lost": sum(count.lost for count in kinds.values()),
        f"{Kind.ONCE}: taken by the provider more than once": kinds[Kind.ONCE].doubled,
        f"{Kind.ONCE}: visibly unknown at the end": kinds[Kind.ONCE].unknown,
        f"{Kind.ONCE}: of those, never taken by the provider": kinds[Kind.ONCE].never,
        f"{Kind.AGAIN}: taken by the provider more than once": kinds[Kind.AGAIN].doubled,
        f"{Kind.AGAIN}: taken more than once and not flagged": kinds[Kind.AGAIN].silent,
    }
