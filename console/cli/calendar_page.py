"""`kabar calendar` on a terminal: day by day, each campaign in a line or two, each channel with how full it gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from config.loader import Config
from console.cli.approval import follow_up
from scheduler.outlook.clashes import Clash, concerned
from scheduler.outlook.days import Day, Entry, Opening
from scheduler.outlook.rules_of import rule
from scheduler.outlook.scene import told

_BAR = 10


def page(config: Config, days: Sequence[Day], held: Mapping[str, str], *, fancy: bool) -> Iterator[RenderableType]:
    """fancy: the terminal can draw blocks."""
    zone = config.rules.zone
    yield f"{days[0].date:%A %d %B} to {days[-1].date:%A %d %B %Y}, by the clocks of {config.rules.timezone}"
    quiet: list[Day] = []
    for day in days:
        if not day.entries and not day.loads and not day.holiday:
            quiet.append(day)
            continue
        yield from _quiet(quiet)
        quiet = []
        yield from _day(config, day, held, zone, fancy=fancy)
    yield from _quiet(quiet)
    yield from _whenever(config, held)


def _quiet(days: Sequence[Day]) -> Iterator[RenderableType]:
    if days:
        last = f" to {days[-1].date:%a %d %b}" if len(days) > 1 else ""
        yield f"\n[dim]{days[0].date:%a %d %b}{last}: nothing[/dim]"


def _day(config: Config, day: Day, held: Mapping[str, str], zone: tzinfo, *, fancy: bool) -> Iterator[RenderableType]:
    red = day.holiday or day.date.weekday() > 4
    name = f"  holiday: [red]{escape(day.holiday)}[/red]" if day.holiday else ""
    yield f"\n[bold{' red' if red else ''}]{day.date:%a %d %b}[/]{name}"
    if not day.entries and not day.loads:
        yield "  [dim]nothing[/dim]"
    if day.entries:
        yield _entries(config, day, held, zone)
    if day.loads:
        yield _loads(day, zone, fancy=fancy)


def _entries(config: Config, day: Day, held: Mapping[str, str], zone: tzinfo) -> Table:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True)
    lines.add_column(no_wrap=True, min_width=12)
    lines.add_column(ratio=1)
    for entry in day.entries:
        lines.add_row(f"  {_clock(entry, zone)}", f"[bold]{entry.campaign}[/bold]", "\n".join(_said(config, entry, held, zone)))
    return lines


def _clock(entry: Entry, zone: tzinfo) -> str:
    return f"{entry.begins.astimezone(zone):%H:%M}" if any(opening.opens for opening in entry.openings) else "  -  "


def _said(config: Config, entry: Entry, held: Mapping[str, str], zone: tzinfo) -> Iterator[str]:
    campaign = config.campaigns[entry.campaign]
    yield escape("; ".join(_opening(opening, entry, zone) for opening in entry.openings))
    channels = campaign.channels.names
    told_of = [f"{entry.messages[name]:,} {name}" if name in entry.messages else name for name in channels]
    by = (" or " if campaign.channels.choice else ", ").join(told_of)
    yield escape(f"{by}; {_due(entry, zone)}")
    if then := campaign.channels.then:
        yield escape(f"{follow_up(then)} (not counted here)")
    if entry.campaign in held:
        yield f"[yellow]{escape(held[entry.campaign])}[/yellow]" + (
            ": nothing goes before it is" if held[entry.campaign] == "not approved" else ""
        )
    if entry.spent:
        told_by = escape(rule(config, entry.spent))
        yield f"[magenta]! too soon after its own message before, never goes to those who got that: {told_by}[/magenta]"
    for line in _fights(config, entry, zone):
        yield f"[magenta]! {escape(line)}[/magenta]"


def _opening(opening: Opening, entry: Entry, zone: tzinfo) -> str:
    whom = told(opening.kinds)
    if opening.opens is None:
        return f"{whom}: never, it is worthless before {opening.window or 'any window'} opens"
    opens = "" if opening.opens == entry.begins else f"from {opening.opens.astimezone(zone):%H:%M} "
    return f"{whom} {opens}until {_short(opening.closes, opening.opens, zone)}"


def _due(entry: Entry, zone: tzinfo) -> str:
    first, last = entry.due[0].at, entry.due[-1].at
    if len(entry.due) > 1:
        return f"{len(entry.due)} times, due {first.astimezone(zone):%H:%M} to {last.astimezone(zone):%H:%M}"
    return f"due {_short(first, entry.begins, zone)}"


def _short(at: datetime, beside: datetime, zone: tzinfo) -> str:
    """The time, with its day where that is another than that of what it stands beside."""
    local, other = at.astimezone(zone), beside.astimezone(zone)
    if (local - other).total_seconds() > 0 and local.hour == local.minute == 0 and (local.date() - other.date()).days == 1:
        return "24:00"
    return f"{local:%H:%M}" if local.date() == other.date() else f"{local:%a %d %b %H:%M}"


def _fights(config: Config, entry: Entry, zone: tzinfo) -> Iterator[str]:
    """One line for each winner and outcome."""
    alike: dict[tuple[str, datetime | None, bool], list[Clash]] = {}
    for clash in entry.clashes:
        alike.setdefault((clash.winner, clash.goes, clash.missed), []).append(clash)
    for (winner, goes, _), these in alike.items():
        becomes = f"not before {_short(goes, these[0].wanted, zone)}" if goes else "never"
        high, low = (config.rules.categories[config.campaigns[name].category].priority for name in (winner, entry.campaign))
        why = f" ({high} over {low})" if high > low else ""
        yield f"{winner} goes first{why}: {concerned(these)} {becomes}"


def _loads(day: Day, zone: tzinfo, *, fancy: bool) -> Table:
    here = {entry.campaign for entry in day.entries}
    lines = Table.grid(padding=(0, 1))
    lines.add_column(no_wrap=True, min_width=10)
    lines.add_column(no_wrap=True, justify="right", min_width=8)
    lines.add_column(no_wrap=True)
    lines.add_column(no_wrap=True, justify="right", min_width=4)
    lines.add_column()
    for load in day.loads:
        colour = "red" if load.share > 1 else "yellow" if load.share > 0.7 else "green"
        percent = f"{load.share:.0%}" if load.share >= 0.01 else "<1%"
        until = _short(load.closes, load.opens, zone)
        before = ", ".join(name for name in load.campaigns if name not in here)
        lines.add_row(
            f"  {load.channel}",
            f"{load.messages:,}",
            f"[{colour}]{_bar(load.share, fancy=fancy)}[/{colour}]",
            f"[{colour}]{percent}[/{colour}]",
            f"of its rate {load.opens.astimezone(zone):%H:%M} to {until}"
            + (": [red]TOO MANY[/red]" if load.share > 1 else "")
            + (f"; {before} from before" if before else ""),
        )
    return lines


def _bar(share: float, *, fancy: bool) -> str:
    full, empty = ("█", "░") if fancy else ("#", ".")
    filled = min(round(share * _BAR), _BAR)
    return full * filled + empty * (_BAR - filled)


def _whenever(config: Config, held: Mapping[str, str]) -> Iterator[RenderableType]:
    waiting = [one for one in config.campaigns.values() if one.when.event is not None]
    if not waiting:
        return
    yield "\n[bold]Whenever it happens[/bold]"
    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True)
    lines.add_column(ratio=1)
    for campaign in waiting:
        free = "window" in config.rules.categories[campaign.category].ignore
        hours = "at any hour" if free else f"in the window {campaign.window}" if campaign.window else "in the window of their segment"
        by = (" or " if campaign.channels.choice else ", ").join(campaign.channels.names)
        by += f"; {follow_up(then)}" if (then := campaign.channels.then) else ""
        mark = f"; [yellow]{escape(held[campaign.campaign])}[/yellow]" if campaign.campaign in held else ""
        lines.add_row(f"  [bold]{campaign.campaign}[/bold]", f"{escape(f'at {campaign.when.event}, by {by}, {hours}')}{mark}")
    yield lines
