"""An import of any length in the same memory, with progress on the way."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from jobs.customers import import_customers
from store.engine import Database
from tests.customers.files import NOW, TODAY


def _people(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.write("customer_no,name,email,phone,push_tokens,birthday,consent_push,consent_hours_push,kota\n")
        for n in range(count):
            file.write(f"C{n},Budi Santoso,c{n}@example.com,0812{n:08d},android:tok-{n},1990-01-31,ya,daily 08:00-22:00,Depok\n")
    return path


def _peak() -> int:
    """The most memory this process ever had, in MB. It only grows, so what comes later cannot hide."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


async def test_a_hundred_thousand_rows_need_little_more_than_the_first_five_thousand(database: Database, tmp_path: Path) -> None:
    progress: list[tuple[int, int | None]] = []
    peaks: list[int] = []

    def look(done: int, total: int | None) -> None:
        progress.append((done, total))
        peaks.append(_peak())

    path = _people(tmp_path / "long.csv", 100_000)
    await import_customers(database, path, now=NOW, today=TODAY, progress=look)
    assert peaks[-1] - peaks[0] < 25
    assert progress[0] == (5_000, 100_000)
    assert progress[-1] == (100_000, 100_000)
    assert len(progress) == 21
