"""What one rehearsal found, as tables: each hour, the reasons in words, and the sums last, where the eye is when it ends."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from sqlalchemy import Row

from config.loader import Config
from console.cli.reasons import explain

Rows = Sequence[Row[Any]]  # of store.rehearsed.counts
_WAITS = ("queued", "deferred")
_UNSEEN = "not_looked_at"  # no decision has been made that could name a reason
_UNSEEN_WORDS = "its window has not opened yet, or the channel had no room"
_GONE = ("released", "sending", "sent", "delivered", "read", "unknown")


@dataclass
class Sums:
    """Messages by what became of them. first, last: when those that go do."""

    sent: int = 0
    waits: int = 0
    unsent: int = 0
    why: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, rows: Iterable[Row[Any]]) -> Sums:
        for row in rows:
            if row.status in _GONE:
                self.sent += row.n
                self.first = min(filter(None, (self.first, row.first)), default=None)
                self.last = max(filter(None, (self.last, row.last)), default=None)
                continue
            self.waits += row.n if row.status in _WAITS else 0
            self.unsent += row.n if row.status not in (*_WAITS, "merged") else 0
            self.why[row.reason or (_UNSEEN if row.status in _WAITS else row.status)] += row.n
        return self

    def cells(self) -> tuple[str, str, str]:
        return number(self.sent), number(self.waits), number(self.unsent)


def number(count: int) -> str:
    """Nothing rather than a nought, so that a column of numbers shows where something is."""
    return f"{count:,}" if count else ""


def show(console: Console, found: Rows, config: Config) -> None:
    """Everything of one rehearsal."""
    zone = config.rules.zone
    if not found:
        console.print("Nothing would go, and nothing waits: no campaign falls due in this time. `kabar check` looks at the configuration.")
        return
    console.print(_hours(found, zone))
    console.print(_reasons(found, config))
    console.print(_totals(found, zone))


def plain(title: str) -> Table:
    """Room for words even on a narrow terminal."""
    return Table(title=f"\n{title}", title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)


def _table(title: str, *left: str) -> Table:
    table = plain(title)
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in ("sent", "waits", "unsent"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _hours(found: Rows, zone: ZoneInfo) -> Table:
    """A line for each campaign and channel of an hour; one that waits stands in the hour in which it is looked at again."""
    table = _table(f"By the hour ({zone.key})", "hour", "campaign", "channel")
    table.add_column("why not, or not yet", overflow="fold")
    day = ""
    for hour, in_hour in groupby(found, lambda row: row.hour):
        local = hour.astimezone(zone)
        if f"{local:%a %d %b}" != day:
            day = f"{local:%a %d %b}"
            table.add_section()
            table.add_row(f"[bold]{local:%a %d}[/bold]", f"[bold]{local:%B}[/bold]")
        time, campaign = f"{local:%H:%M}", ""
        for (name, channel), of_campaign in groupby(in_hour, lambda row: (row.campaign, row.channel)):
            sums = Sums().add(of_campaign)
            why = ", ".join(f"{reason} {count:,}" for reason, count in sums.why.most_common())
            table.add_row(time, "" if name == campaign else name, channel, *sums.cells(), why)
            time, campaign = "", name
    return table


def _reasons(found: Rows, config: Config) -> Table:
    table = plain("Why not, or not yet")
    table.add_column("messages", justify="right", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    table.add_column("in words")
    for reason, count in Sums().add(found).why.most_common():
        told = explain(reason, category="", campaign="", config=config, other=str)
        words = _UNSEEN_WORDS if reason == _UNSEEN else told.text if told.text != reason else ""
        table.add_row(f"{count:,}", reason, f"{words}  [dim]{told.where}[/dim]" if told.where else words)
    return table


def _totals(found: Rows, zone: ZoneInfo) -> Table:
    table = _table("In all", "campaign", "channel")
    table.add_column("first", no_wrap=True)
    table.add_column("last", no_wrap=True)
    for (campaign, channel), sums in _by_campaign(found):
        table.add_row(
            campaign, channel, *sums.cells(), *(f"{at.astimezone(zone):%a %d %H:%M}" if at else "" for at in (sums.first, sums.last))
        )
    table.add_section()
    table.add_row("[bold]all", "", *(f"[bold]{cell or 0}" for cell in Sums().add(found).cells()))
    return table


def _by_campaign(found: Rows) -> Iterator[tuple[tuple[str, str], Sums]]:
    sums: dict[tuple[str, str], Sums] = defaultdict(Sums)
    for row in found:
        sums[row.campaign, row.channel].add([row])
    yield from sorted(sums.items(), key=lambda item: item[0])
