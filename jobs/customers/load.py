"""A customer file into the database: all its good rows in one transaction, its bad ones into FILE.rejects.csv."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path

import structlog

from jobs.customers.columns import read_header
from jobs.customers.reader import Record, Source, fault, open_source
from jobs.customers.rejects import Rejects, unsafe
from jobs.customers.rows import Accepted, RowReader
from store.connection import Patient
from store.engine import Database
from store.people import Connection, Duplicate, Merged, drop_duplicates, merge, prepare, stage

log = structlog.get_logger()

# 5,000 rows are 15 MB in flight.
BATCH = 5_000

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Report:
    """rows = inserted + updated + unchanged + rejected + duplicates, blank rows not counted.

    dead:         addresses in the file that are on the suppression list: nobody writes to them all the same
    refused:      consents in the file against a person's own opt-out or complaint: no offers all the same
    duplicates:   rows that repeat an earlier one exactly; a customer number with other content is rejected
    rejects_file: None when nothing was rejected
    """

    rows: int
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    duplicates: int
    dead: int
    refused: int
    rejects_file: Path | None


async def import_customers(
    database: Database,
    path: Path,
    *,
    now: datetime,
    today: date,
    progress: Progress,
    source: str = "import",
    offers: Collection[str] = (),
) -> Report:
    """Insert or update customers by `customer_no`; columns the file does not have keep their values.

    `today` is the company's date, which birthdays and trades may not be after; `progress` gets rows done and rows expected;
    `offers` are the categories that need consent, and what of them waits for a person who takes it back is stopped.
    Raises ConfigError when the file cannot be taken at all; then nothing is loaded and no file is written.
    """
    with open_source(path) as opened:
        titles, reader = _header(path, opened, today)
        with Rejects(path, titles, opened.delimiter) as rejects:
            async with await Patient.connect(database.conninfo) as connection:
                await prepare(connection)
                rows = await _stage(connection, opened, reader, rejects, progress)
                twins = await drop_duplicates(connection)
                _reject_twins(path, [twin for twin in twins if not twin.identical], rejects)
                merged = await merge(connection, reader.spoken, now=now, source=source, offers=sorted(offers))
            progress(rows, rows)
            if merged.stopped:
                log.info("offers.stopped", messages=merged.stopped)
            return _report(rows, merged, sum(twin.identical for twin in twins), rejects)


def _header(path: Path, opened: Source, today: date) -> tuple[list[str], RowReader]:
    line, titles = next(opened.records, (0, []))
    if not titles:
        raise fault(path, 0, "is empty; its first row has to name the columns")
    return titles, RowReader(read_header(str(path), line, titles), today)


async def _stage(connection: Connection, opened: Source, reader: RowReader, rejects: Rejects, progress: Progress) -> int:
    """Every row either to the staging tables or to the rejects; the number of rows."""
    rows = 0
    while batch := list(islice(opened.records, BATCH)):
        accepted = list(_accepted(batch, reader, rejects))
        people = (person for person, _ in accepted)
        await stage(connection, people, ((person.line, reach) for person, reaches in accepted for reach in reaches))
        rows += len(batch)
        progress(rows, opened.total and max(opened.total, rows))
    return rows


def _accepted(batch: list[Record], reader: RowReader, rejects: Rejects) -> Iterator[Accepted]:
    for line, cells in batch:
        plain = list(map(unsafe, cells)) if "'" in "".join(cells) else cells
        found = reader.read(line, plain)
        if isinstance(found, Accepted):
            yield found
        else:
            rejects.add(line, found.reason, plain)


def _reject_twins(path: Path, twins: list[Duplicate], rejects: Rejects) -> None:
    """Only the end of the file shows which rows these are, so their cells are read once more rather than kept for all."""
    if not twins:
        return
    first_lines = {twin.line: twin.first_line for twin in twins}
    with open_source(path) as again:
        for line, cells in again.records:
            if first := first_lines.get(line):
                reason = f"customer_no: stands on line {first} already, with other content; keep one of them"
                rejects.add(line, reason, list(map(unsafe, cells)))


def _report(rows: int, merged: Merged, duplicates: int, rejects: Rejects) -> Report:
    unchanged = rows - merged.inserted - merged.updated - duplicates - rejects.count
    return Report(rows, merged.inserted, merged.updated, unchanged, rejects.count, duplicates, merged.dead, merged.refused, rejects.keep())
