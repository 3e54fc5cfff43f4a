"""A list of suppressions into the database: its good rows in one transaction, its bad ones into FILE.rejects.csv."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from jobs.customers.reader import Record, batches, header_of, open_source
from jobs.customers.rejects import Rejects, unsafe
from jobs.house import House
from jobs.suppressions.rows import Context, Defaults, RowReader
from store import suppression_load, ticks
from store.suppression_load import Staged

log = structlog.get_logger()

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Report:
    """rows = added + known + rejected, blank rows not counted.

    known:   on the list already, or lifted after the file says it was said
    stopped: offers that waited and will not go
    """

    rows: int
    added: int
    known: int
    rejected: int
    stopped: int
    rejects_file: Path | None


async def import_suppressions(
    house: House, path: Path, *, defaults: Defaults, zone: ZoneInfo, by: str, now: datetime, progress: Progress
) -> Report:
    """CSV or XLSX, with an address or a customer_no a row. Addresses nobody has are kept: they hold for whoever gets them.

    Raises ConfigError when the file cannot be taken at all; then nothing is loaded and no file is written.
    """
    with open_source(path) as opened:
        line, titles = header_of(path, opened)
        reader = RowReader(Context(path.name, house.channels, defaults, zone, now), line, titles)
        with Rejects(path, titles, opened.delimiter) as rejects:
            async with house.database.begin() as connection:
                await suppression_load.prepare(connection)
                rows = 0
                for batch in batches(opened.records):
                    await suppression_load.stage(connection, list(_accepted(batch, reader, rejects)))
                    rows += len(batch)
                    progress(rows, opened.total and max(opened.total, rows))
                _reject_nobodys(path, await suppression_load.nobodys(connection), rejects)
                published = await house.catalog.newest(connection)
                added, stopped = await suppression_load.add(connection, published.offers if published else (), now)
                detail = {"file": path.name, "rows": rows, "added": added, "rejected": rejects.count}
                await ticks.record(connection, actor=by, action="suppressions.import", detail=detail, now=now)
            if stopped:
                log.info("offers.stopped", messages=stopped)
            return Report(rows, added, rows - added - rejects.count, rejects.count, stopped, rejects.keep())


def _accepted(batch: list[Record], reader: RowReader, rejects: Rejects) -> Iterator[Staged]:
    for line, cells in batch:
        plain = list(map(unsafe, cells))
        found = reader.read(line, plain)
        if isinstance(found, Staged):
            yield found
        else:
            rejects.add(line, found, plain)


def _reject_nobodys(path: Path, lines: list[int], rejects: Rejects) -> None:
    """Only the database knows who is a customer, so the cells of these rows are read once more rather than kept for all."""
    if not lines:
        return
    unknown = set(lines)
    with open_source(path) as again:
        for line, cells in again.records:
            if line in unknown:
                rejects.add(line, "customer_no: no customer has this number; import the customer first", list(map(unsafe, cells)))
