"""What came of the demo's weekend: counts by channel and hour, the first of each day, three timelines, the audit's verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from console.cli import audit, why
from jobs.audit import examine
from jobs.catalog import Published
from jobs.house import House
from store import tally

COLUMNS = ("sent", "deferred", "suppressed", "failed", "retried", "unknown", "expired")


async def report(house: House, published: Published, since: datetime, customers: Sequence[str], console: Console) -> bool:
    """Print it all; True when the audit is clean."""
    rules = published.config.rules
    free = [name for name, category in rules.categories.items() if "window" in category.ignore]
    async with house.database.begin() as connection:
        counts = await tally.by_hour(connection, rules.timezone, since)
        first = await tally.first_of_day(connection, rules.timezone, since, free)
    console.print(hours(counts, rules.zone))
    console.print("\n[bold]The first of each day[/bold], by the customer's own clock, service messages aside")
    for row in first:
        console.print(f"  {row.day:%a %d %b}  {row.channel:<9} {row.first:%H:%M:%S}")
    for customer in customers:
        console.rule(f"kabar why {customer}")
        why.show(await why.tell(house, customer, house.clock.now()), console)
    console.rule("kabar audit")
    verdict = await examine(house)
    audit.show(verdict, console)
    return verdict.clean


def hours(counts: Sequence[tally.Count], zone: ZoneInfo) -> Table:
    """One line per channel and hour in which something happened: how many of each, and the reasons behind them."""
    table = Table(title=f"What happened, by channel and hour ({zone.key})")
    for heading in ("hour", "channel"):
        table.add_column(heading, no_wrap=True, min_width=9)
    for heading in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
    table.add_column("reasons", ratio=1)
    before = None
    for hour, channel in sorted({(item.hour, item.channel) for item in counts}):
        here = [item for item in counts if (item.hour, item.channel) == (hour, channel)]
        sums = Counter[str]()
        for item in here:
            sums[item.what] += item.n
        shown = "" if hour == before else f"{hour.astimezone(zone):%a %H:%M}"
        table.add_row(shown, channel, *(str(sums[what] or "") for what in COLUMNS), _reasons(here))
        before = hour
    return table


def _reasons(counts: Sequence[tally.Count]) -> str:
    parts = []
    for what in ("deferred", "suppressed", "failed", "retried", "unknown"):
        told = sorted((item for item in counts if item.what == what and item.why), key=lambda item: -item.n)
        if told:
            parts.append(f"{what}: " + ", ".join(f"{item.why.removeprefix('retry:')} {item.n}" for item in told))
    return "; ".join(parts)
