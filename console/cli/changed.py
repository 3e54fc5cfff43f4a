"""What a change of configuration changes, in words: campaign by campaign, which rule, which line, for whom; the sums last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.loader import Config
from config.values import format_duration
from console.cli.reasons import PASSING, Explanation, explain, explain_end
from console.cli.rehearsed import number, plain
from scheduler.changes import CHANNELS, FIRST_CHANNEL, NO_CHANNEL, PLANNED_LATER, QUEUE, WAITS, Change, Kind, plain_reason, rank
from scheduler.tally import Group, Place, Sort, Tally
from store.compared import Outcome

_SIDES = tuple(f"{name}_{side}" for side in ("before", "after") for name in ("occurrence", "channel", "outcome", "at", "reason"))
FIELDS = ("change", "customer_no", "campaign", "occurrence", "rule", "line", *_SIDES)
_ORDER = list(Kind)
_OURS = {
    "not_planned:campaign": "the campaign is not there",
    "not_planned:run": "no run of it falls due in this time",
    "not_planned:audience": "the person is not in the audience",
    "not_planned:channel": "the campaign does not send by this channel",
    PLANNED_LATER: "its run falls due later",
    CHANNELS: "the campaign's channels are others",
    FIRST_CHANNEL: "another is now the first of its channels that lets it go",
    "campaign_removed": "the campaign was taken out while it waited",
    QUEUE: "its turn in the queue of the channel comes later",
}
_GAINED = {
    "not_planned:campaign": "the campaign is new",
    "not_planned:run": "a run of it falls due in this time now",
    "not_planned:audience": "the person is in the audience now",
    "not_planned:channel": "the campaign sends by this channel now",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is compared: two configurations, and the names of their directories."""

    before: Config
    after: Config
    old: str
    new: str

    def explain(self, rule: str, campaign: str, kind: Kind, *, by_before: bool) -> Explanation:
        """A rule in words, with the line that says so on the side where it stands in the way."""
        config, other = (self.before, self.after) if by_before else (self.after, self.before)
        place = config.where("campaign", campaign) or other.where("campaign", campaign)
        if rule in _GAINED and by_before:
            return Explanation(_GAINED[rule], place)
        if rule in _OURS:
            return Explanation(_told(_OURS[rule], by_before), place if rule != QUEUE else "")
        if rule.startswith(NO_CHANNEL):
            return Explanation(_told(f"{rule.partition(':')[2]} does not let it go, nor does a channel before it", by_before), place)
        known = config.campaigns.get(campaign) or other.campaigns.get(campaign)
        found = explain(rule, category=known.category if known else "", campaign=campaign, config=config, other=str)
        ends = kind is Kind.DROPPED and rule.partition(":")[0] in PASSING
        found = explain_end(found, rule) if ends else found
        return Explanation(_told(found.text, by_before), found.where)

    def line(self, change: Change) -> list[Any]:
        """A changed decision as FIELDS."""
        message = change.message
        where = self.explain(change.rule, message.campaign, change.kind, by_before=change.by_before).where
        start = [str(change.kind), message.customer_no, message.campaign, message.occurrence, change.rule, where]
        return start + [cell for side in (change.before, change.after) for cell in _cells(side)]

    def differences(self) -> Iterator[str]:
        """The files that differ, and the campaigns that only one of them has."""
        before, after = self.before.files, self.after.files
        if files := sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)):
            yield f"different: {', '.join(files)}"
        for config, other, name in ((self.before, self.after, self.old), (self.after, self.before, self.new)):
            if only := sorted(config.campaigns.keys() - other.campaigns.keys()):
                yield f"only in {name}: {', '.join(only)}"


def _told(text: str, by_before: bool) -> str:
    """What stood in the way before, stands there no longer."""
    return f"no longer: {text}" if by_before else text


def _cells(side: Outcome | None) -> tuple[Any, ...]:
    if side is None:
        return None, None, "not planned", None, None
    return side.occurrence, side.channel, side.status, side.at, plain_reason(side) if side.reason else None


def show(console: Console, tally: Tally, proposal: Proposal) -> None:
    """Everything of one comparison."""
    for note in proposal.differences():
        console.print(note, markup=False, highlight=False)
    if not tally.changed:
        same = ", and both directories say the same" if proposal.before.hash == proposal.after.hash else ""
        console.print(
            f"nothing changes: {tally.same:,} messages fare alike by {proposal.old} and {proposal.new}{same}", markup=False, highlight=False
        )
        return
    for place in tally.places():
        if sorts := tally.groups.get(place):
            _block(console, place, sorts, tally, proposal)
    console.print(_sums(tally, proposal))
    console.print(f"{tally.changed:,} messages change, {tally.same:,} do not; nothing was sent", highlight=False)


def _block(console: Console, place: Place, sorts: dict[Sort, Group], tally: Tally, proposal: Proposal) -> None:
    console.print(f"\n[bold]{place[0]} by {place[1]}[/bold]: {tally.went[place]:,} go before, {tally.goes[place]:,} after", highlight=False)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for (kind, rule, route), group in sorted(sorts.items(), key=lambda item: (_ORDER.index(item[0][0]), -item[1].count)):
        by_before = group.examples[0].by_before
        told = proposal.explain(rule, place[0], kind, by_before=by_before)
        where = f"  [dim]{escape(told.where)}[/dim]" if told.where else ""
        words = f"{_how(kind, group, route)}{escape(told.text)}{where}"
        table.add_row(f"  {kind}", f"{group.count:,}", words)
        table.add_row("", "", f"[dim]e.g. {escape(_examples(group, proposal))}[/dim]")
    console.print(table)


def _how(kind: Kind, group: Group, route: str) -> str:
    if route:
        return f"{route}: "
    if kind not in (Kind.LATER, Kind.EARLIER) or group.least is None or group.most is None:
        return ""
    least, most = sorted((_minutes(group.least), _minutes(group.most)))
    return f"by {_span(least)}: " if least == most else f"by {_span(least)} to {_span(most)}: "


def _minutes(shift: timedelta) -> timedelta:
    return timedelta(minutes=round(abs(shift).total_seconds() / 60))


def _span(value: timedelta) -> str:
    return format_duration(value)


def _examples(group: Group, proposal: Proposal) -> str:
    """The first with what becomes of it, the others by number."""
    first, *others = group.examples
    told = f"{first.message.customer_no} ({_fate(first.before, proposal)} → {_fate(first.after, proposal)})"
    return ", ".join([told, *(change.message.customer_no for change in others)])


def _fate(side: Outcome | None, proposal: Proposal) -> str:
    if side is None:
        return "not planned"
    if side.status in ("sent", "released"):
        return _time(side.at, proposal)
    if rank(side) == WAITS:
        return f"waits until {_time(side.at, proposal)}" if side.at else "waits"
    return side.status


def _time(at: datetime | None, proposal: Proposal) -> str:
    return f"{at.astimezone(proposal.after.rules.zone):%a %d %b %H:%M}" if at else "sent"


def _sums(tally: Tally, proposal: Proposal) -> Table:
    """A line for each channel below its campaign; a column only for what happens at all."""
    table = plain(escape(f"Messages that go, {proposal.old} → {proposal.new}"))
    kinds = [kind for kind in _ORDER if kind is not Kind.UNSENT and any(tally.total(place, kind) for place in tally.places())]
    table.add_column("campaign", overflow="fold")
    for name in ("before", "after", *kinds):
        table.add_column(name.replace(" ", "\n"), no_wrap=True, justify="right")
    for campaign, places in groupby(tally.places(), lambda place: place[0]):
        table.add_row(campaign)
        for place in places:
            counts = (number(tally.total(place, kind)) for kind in kinds)
            table.add_row(f"  {place[1]}", f"{tally.went[place]:,}", f"{tally.goes[place]:,}", *counts)
    return table
