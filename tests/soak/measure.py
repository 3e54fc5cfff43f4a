"""What must not grow: memory, file handles and connections of the daemon, and the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

SIZES = """
SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = 'public' AND c.relname NOT IN ('people', 'addresses') ORDER BY 2 DESC"""
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database()"
SMALL = 4 * 2**20  # bytes below which a table's growth is a matter of a few pages
SETTLED = 6  # days until as much goes as comes
GROWTH = 1.15  # of the last third over the third before it


@dataclass(frozen=True, slots=True)
class Day:
    """At the end of a day, when its messages are out and housekeeping has been. memory, tables: bytes; seconds: how long it took."""

    seconds: float
    memory: int
    handles: int
    connections: int
    tables: dict[str, int]


def look(pid: int, uri: str, seconds: float) -> Day:
    """Of a process of this machine (Linux), and the database it works on.

    A day is over in seconds here, and autovacuum looks around once a minute: it is done by hand, or what is measured is its turn.
    """
    process = Path("/proc") / str(pid)
    resident = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS"))
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        tables: dict[str, int] = dict(connection.execute(SIZES).fetchall())
        row = connection.execute(CONNECTIONS).fetchone()
    assert row is not None
    return Day(seconds, int(resident.split()[1]) * 1024, len(list((process / "fd").iterdir())), row[0] - 1, tables)


def grown(days: Sequence[Day]) -> list[str]:
    """What was larger in the last third of the days than in the third before, once as much went as came. Empty when all is flat."""
    settled = days[SETTLED:]
    half = len(settled) // 2
    before, after = settled[:half], settled[half:]
    if not before:
        raise ValueError(f"{len(days)} days are too few to tell; {SETTLED + 2} at least")
    series = {
        "memory": lambda day: day.memory,
        "file handles": lambda day: day.handles,
        "connections": lambda day: day.connections,
    } | {f"table {name}": lambda day, name=name: max(day.tables.get(name, 0), SMALL) for name in days[-1].tables}
    found = []
    for name, value in series.items():
        first, last = max(map(value, before)), max(map(value, after))
        if last > first * GROWTH:
            found.append(f"{name}: {first:,} → {last:,}")
    return found
