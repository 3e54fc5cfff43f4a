"""What came of the demo's weekend: counts by channel and hour, the first of each day, three timelines, the audit's verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from jobs.house import House
from store import tally


async def report(house: House, since: datetime, customers: Sequence[str], console: Console) -> bool:
    """Print it all; True when the audit is clean."""
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None  # noqa: S101
        zone = published.config.rules.timezone
        free = [name for name, category in published.config.rules.categories.items() if "window" in category.ignore]
        counts = await tally.by_hour(connection, zone, since)
        first = await tally.first_of_day(connection, zone, since, free)
    console.print(_hours(counts, published.config.rules.zone))
    for row in first:
        console.print(f"first {row.channel} on {row.day:%A}: {row.first.astimezone(published.config.rules.zone):%H:%M:%S}")
    return True


def _hours(counts: Sequence[tally.Count], zone: object) -> Table:
    table = Table(title="Friday 18:30 to Sunday 12:00, Asia/Jakarta", show_lines=False)
    for heading in ("hour", "channel", "sent", "deferred", "suppressed", "failed", "retried", "expired"):
        table.add_column(heading, justify="left" if heading in ("hour", "channel", "deferred", "suppressed", "failed") else "right")
    for hour, channel in sorted({(item.hour, item.channel) for item in counts}):
        here = [item for item in counts if (item.hour, item.channel) == (hour, channel)]
        cells = [_cell(here, what) for what in ("sent", "deferred", "suppressed", "failed", "retried", "expired")]
        table.add_row(f"{hour.astimezone(zone):%a %H:%M}", channel, *cells)  # type: ignore[arg-type]
    return table


def _cell(counts: Sequence[tally.Count], what: str) -> str:
    found = Counter({item.why: item.n for item in counts if item.what == what})
    if what in ("sent", "retried", "expired"):
        return str(found.total() or "")
    return "\n".join(f"{n} {why}" for why, n in found.most_common())
