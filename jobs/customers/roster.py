"""Who is in a customer file, without loading it: for showing names beside addresses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from jobs.customers.columns import read_header
from jobs.customers.reader import header_of, open_source
from jobs.customers.rows import Accepted, RowReader


def roster(path: Path, today: date) -> Iterator[tuple[str, str, list[str]]]:
    """(customer number, name, addresses) of every row an import would take. Raises ConfigError."""
    with open_source(path) as opened:
        line, titles = header_of(path, opened)
        reader = RowReader(read_header(str(path), line, titles), today)
        for number, cells in opened.records:
            row = reader.read(number, cells)
            if isinstance(row, Accepted):
                yield row.person.customer_no, row.person.name, [reach.value for reach in row.reaches]
