"""The sums of a comparison: by campaign and channel, and by what changes and the rule that changes it. Small whatever is compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from scheduler.changes import GOES, Change, Kind, rank, way
from store.compared import Outcome

EXAMPLES = 3
Place = tuple[str, str]  # campaign, channel
Sort = tuple[Kind, str, str]  # what, rule, route


@dataclass
class Group:
    """Changes of one sort. least, most: how much later they go."""

    count: int = 0
    examples: list[Change] = field(default_factory=list)
    least: timedelta | None = None
    most: timedelta | None = None

    def add(self, change: Change) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(change)
        if (shift := change.shift) is not None:
            self.least = shift if self.least is None else min(self.least, shift)
            self.most = shift if self.most is None else max(self.most, shift)


@dataclass
class Tally:
    """went, goes: messages that go by the configuration before and after. same: messages that are the same by both.

    groups: (campaign, channel: the one before if it went) → (kind, rule, route) → its changes
            route: `whatsapp → email` where the channel is another
    """

    same: int = 0
    changed: int = 0
    went: Counter[Place] = field(default_factory=Counter)
    goes: Counter[Place] = field(default_factory=Counter)
    groups: dict[Place, dict[Sort, Group]] = field(default_factory=lambda: defaultdict(dict))

    def count(self, before: Outcome | None, after: Outcome | None, *, same: bool) -> None:
        """A message, changed or not."""
        self.same += same
        if before is not None and rank(before) == GOES:
            self.went[before.campaign, before.channel] += 1
        if after is not None and rank(after) == GOES:
            self.goes[after.campaign, after.channel] += 1

    def add(self, changes: list[Change]) -> list[Change]:
        """The same list, counted."""
        for change in changes:
            self.changed += 1
            shown = change.message if change.kind is Kind.GAINED else change.before or change.message
            sorts = self.groups[shown.campaign, shown.channel]
            sorts.setdefault((change.kind, change.rule, route(change)), Group()).add(change)
        return changes

    def total(self, place: Place, kind: Kind) -> int:
        """How many of a campaign's messages by a channel change in one way, by whatever rule."""
        return sum(group.count for sort, group in self.groups.get(place, {}).items() if sort[0] is kind)

    def places(self) -> Sequence[Place]:
        """Every campaign and channel by which something goes or changes, in order."""
        return sorted({*self.went, *self.goes, *self.groups})


def route(change: Change) -> str:
    """From which channel to which; empty where it is the same."""
    if change.kind is not Kind.CHANNEL or not change.before or not change.after:
        return ""
    return f"{way(change.before)} → {way(change.after)}"
