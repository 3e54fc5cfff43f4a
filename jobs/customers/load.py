"""A customer file into the database: all its good rows in one transaction, its bad ones into FILE.rejects.csv."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import structlog

from jobs.customers.columns import read_header
from jobs.customers.reader import Record, Source, batches, header_of, open_source
from jobs.customers.rejects import Rejects, unsafe
from jobs.customers.rows import Accepted, RowReader
from store import ticks
from store.engine import Database, driver
from store.people import Connection, Duplicate, Merged, drop_duplicates, drop_forgotten, merge, prepare, stage

log = structlog.get_logger()

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Report:
    """rows = inserted + updated + unchanged + rejected + duplicates, blank rows not counted.

    dead:         addresses in the file that are on the suppression list: nobody writes to them all the same
    refused:      consents in the file against a person's own opt-out or complaint: no offers all the same
    own_hours:    customers whose hours in the file are not those they chose on the preference page: the choice holds all the same
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
    own_hours: int
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
    by: str = "unknown",
) -> Report:
    """Insert or update customers by `customer_no`; columns the file does not have keep their values.

    `today` is the company's date, which birthdays and trades may not be after; `progress` gets rows done and rows expected;
    `offers` are the categories that need consent, and what of them waits for a person who takes it back is stopped.
    by: who does it, for the audit log
    Raises ConfigError when the file cannot be taken at all; then nothing is loaded and no file is written.
    """
    with open_source(path) as opened:
        titles, reader = _header(path, opened, today)
        with Rejects(path, titles, opened.delimiter) as rejects:
            async with database.begin() as transaction:
                connection = await driver(transaction)
                await prepare(connection)
                rows = await _stage(connection, opened, reader, rejects, progress)
                forgotten = await drop_forgotten(connection)
                twins = await drop_duplicates(connection)
                _reject_late(path, {line: _forgotten(at) for line, at in forgotten.items()} | _twins(twins), reader, rejects, forgotten)
                merged = await merge(connection, reader.spoken, now=now, source=source, offers=sorted(offers))
                detail = {"file": path.name, "rows": rows, "new": merged.inserted, "updated": merged.updated, "rejected": rejects.count}
                await ticks.record(transaction, actor=by, action="customers.import", detail=detail, now=now)
            progress(rows, rows)
            if merged.stopped:
                log.info("offers.stopped", messages=merged.stopped)
            return _report(rows, merged, sum(twin.identical for twin in twins), rejects)


def _header(path: Path, opened: Source, today: date) -> tuple[list[str], RowReader]:
    line, titles = header_of(path, opened)
    return titles, RowReader(read_header(str(path), line, titles), today)


async def _stage(connection: Connection, opened: Source, reader: RowReader, rejects: Rejects, progress: Progress) -> int:
    """Every row either to the staging tables or to the rejects; the number of rows."""
    rows = 0
    for batch in batches(opened.records):
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


def _twins(twins: list[Duplicate]) -> dict[int, str]:
    return {
        twin.line: f"customer_no: stands on line {twin.first_line} already, with other content; keep one of them"
        for twin in twins
        if not twin.identical
    }


def _forgotten(at: datetime | None) -> str:
    if at is None:
        return "customer_no: stands for a customer who was forgotten, and can be nobody's number"
    way_out = "if this is a customer again: kabar readmit CUSTOMER_NO, then import the file anew"
    return f"customer_no: was forgotten on {at:%Y-%m-%d} and stays out; {way_out}"


def _reject_late(path: Path, reasons: Mapping[int, str], reader: RowReader, rejects: Rejects, bare: Collection[int]) -> None:
    """Only the end of the file shows which rows these are, so their cells are read once more rather than kept for all.

    bare: lines of which only the number is written down, so that the rejects bring nobody back
    """
    if not reasons:
        return
    with open_source(path) as again:
        for line, cells in again.records:
            if reason := reasons.get(line):
                kept = [cell if line not in bare or place == reader.number_at else "" for place, cell in enumerate(cells)]
                rejects.add(line, reason, list(map(unsafe, kept)))


def _report(rows: int, merged: Merged, duplicates: int, rejects: Rejects) -> Report:
    unchanged = rows - merged.inserted - merged.updated - duplicates - rejects.count
    return Report(
        rows,
        merged.inserted,
        merged.updated,
        unchanged,
        rejects.count,
        duplicates,
        merged.dead,
        merged.refused,
        merged.own_hours,
        rejects.keep(),
    )
