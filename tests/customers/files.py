"""Customer files made up for one test each, and what the database holds after them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from jobs.customers import Report, import_customers
from store.engine import Database

NOW = datetime(2026, 11, 20, 18, 30, tzinfo=ZoneInfo("Asia/Jakarta"))
TODAY = date(2026, 11, 20)


def write(path: Path, *rows: Mapping[str, str]) -> Path:
    """A CSV whose columns are those of its first row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


async def load(database: Database, path: Path, *, later: timedelta = timedelta(0)) -> Report:
    return await import_customers(database, path, now=NOW + later, today=TODAY, progress=lambda done, total: None)


async def rows(database: Database, statement: str) -> Sequence[tuple[Any, ...]]:
    async with database.begin() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]
