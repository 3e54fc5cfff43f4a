"""A customer file into the database: all its good rows in one transaction, its bad ones into FILE.rejects.csv."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path

import psycopg

from jobs.customers.columns import read_header
from jobs.customers.reader import Record, Source, fault, open_source
from jobs.customers.rejects import Rejects, unsafe
from jobs.customers.rows import Accepted, Refused, RowReader
from store.engine import Database
from store.people import Connection, Duplicate, merge, prepare, stage

# 5,000 rows are 15 MB in flight; smaller batches cost round trips, larger ones gain nothing.
BATCH = 5_000

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Report:
    """rows = inserted + updated + unchanged + rejected + duplicates, blank rows not counted.

    duplicates:   rows that repeat an earlier one exactly; a customer number with other content is rejected
    rejects_file: None when nothing was rejected
    """

    rows: int
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    duplicates: int
    rejects_file: Path | None


async def import_customers(
    database: Database, path: Path, *, now: datetime, today: date, progress: Progress, source: str = "import"
) -> Report:
    """Insert or update customers by `customer_no`; columns the file does not have keep their values.

    `today` is the company's date, which birthdays and trades may not be after; `progress` gets rows done and rows expected.
    Raises ConfigError when the file cannot be taken at all; then nothing is loaded and no file is written.
    """
    with open_source(path) as opened:
        titles, reader = _header(path, opened, today)
        with Rejects(path, titles, opened.delimiter) as rejects:
            loader = _Loader(reader, rejects, now, source)
            async with await psycopg.AsyncConnection.connect(database.conninfo) as connection:
                await prepare(connection)
                async with aclosing(_batches(opened.records, reader)) as batches:
                    async for batch in batches:
                        await loader.load(connection, batch)
                        progress(loader.rows, opened.total and max(opened.total, loader.rows))
            progress(loader.rows, loader.rows)
            return loader.report(rejects.keep())


def _header(path: Path, opened: Source, today: date) -> tuple[list[str], RowReader]:
    line, titles = next(opened.records, (0, []))
    if not titles:
        raise fault(path, 0, "is empty; its first row has to name the columns")
    return titles, RowReader(read_header(str(path), line, titles), today)


@dataclass(frozen=True, slots=True)
class _Batch:
    """refused holds what a row's own content rules out; what an earlier row rules out only the database knows."""

    records: list[Record]
    accepted: list[Accepted]
    refused: list[Refused]


async def _batches(records: Iterator[Record], reader: RowReader) -> AsyncGenerator[_Batch, None]:
    """The next batch is read in a thread while the database works on this one."""
    ahead = asyncio.create_task(asyncio.to_thread(_next_batch, records, reader))
    try:
        while (batch := await ahead).records:
            ahead = asyncio.create_task(asyncio.to_thread(_next_batch, records, reader))
            yield batch
    finally:
        # The thread must not outlive the open file, nor its error go unheard by asyncio.
        await asyncio.gather(ahead, return_exceptions=True)


def _next_batch(records: Iterator[Record], reader: RowReader) -> _Batch:
    batch = _Batch([], [], [])
    for line, cells in islice(records, BATCH):
        plain = [unsafe(cell) if cell[:1] == "'" else cell for cell in cells]
        batch.records.append((line, plain))
        found = reader.read(line, plain)
        if isinstance(found, Accepted):
            batch.accepted.append(found)
        else:
            batch.refused.append(found)
    return batch


class _Loader:
    """Counts while it loads one batch after the other."""

    def __init__(self, reader: RowReader, rejects: Rejects, now: datetime, source: str) -> None:
        self._spoken = reader.spoken
        self._rejects = rejects
        self._now = now
        self._source = source
        self.rows = self._inserted = self._updated = self._duplicates = 0

    async def load(self, connection: Connection, batch: _Batch) -> None:
        people = (accepted.person for accepted in batch.accepted)
        addresses = (address for accepted in batch.accepted for address in accepted.addresses)
        duplicates = await stage(connection, people, addresses)
        merged = await merge(connection, self._spoken, now=self._now, source=self._source)
        self._reject(batch, [*batch.refused, *map(_differing, (twin for twin in duplicates if not twin.identical))])
        self.rows += len(batch.records)
        self._inserted += merged.inserted
        self._updated += merged.updated
        self._duplicates += sum(twin.identical for twin in duplicates)

    def _reject(self, batch: _Batch, refused: list[Refused]) -> None:
        if refused:
            cells = dict(batch.records)
            for line, reason in sorted(refused):
                self._rejects.add(line, reason, cells[line])

    def report(self, rejects_file: Path | None) -> Report:
        rejected = self._rejects.count
        unchanged = self.rows - self._inserted - self._updated - self._duplicates - rejected
        return Report(self.rows, self._inserted, self._updated, unchanged, rejected, self._duplicates, rejects_file)


def _differing(twin: Duplicate) -> Refused:
    return Refused(twin.line, f"customer_no: stands on line {twin.first_line} already, with other content; keep one of them")
