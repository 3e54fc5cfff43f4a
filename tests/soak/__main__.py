"""`python -m tests.soak [--messages 5000000] [--people 100000]`: exits 1 when anything grew."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from store.embedded import embedded_uri
from tests.soak.measure import SETTLED, Day, grown
from tests.soak.soak import soak

MB = 2**20


def _line(number: int, day: Day) -> None:
    largest = ", ".join(f"{name} {size / MB:.0f}" for name, size in list(day.tables.items())[:4])
    jobs = day.tables["procrastinate_jobs"] / MB
    print(
        f"day {number:3}  {day.seconds:6.1f} s  memory {day.memory / MB:.0f} MB, {day.handles} handles, "
        f"{day.connections} connections, tables: {largest}, jobs {jobs:.1f} MB",
        flush=True,
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--messages", type=int, default=5_000_000)
    words.add_argument("--people", type=int, default=100_000)
    words.add_argument("--figures", type=Path, help="where the figures are written, as JSON")
    asked = words.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # through every `finally`, so that nothing is left running
    days = asked.messages // asked.people
    if days < SETTLED + 2:
        words.error(f"{days} days are too few to tell whether anything grows; --messages must be at least {SETTLED + 2} times --people")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    print(f"{date}  {machine}; {days} days of {asked.people:,} messages")
    folder = Path(tempfile.mkdtemp(prefix="kabar-soak-"))
    try:
        seen = soak(embedded_uri(folder / "postgres"), days=days, people=asked.people, tell=_line)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    faults = grown(seen.days)
    if seen.taken != days * asked.people:
        faults.append(f"{days * asked.people:,} messages were planned, the provider took {seen.taken:,}")
    seconds = sum(day.seconds for day in seen.days)
    print(f"{seen.taken:,} messages in {seconds:.0f} s, {seen.kept:,} of them still kept; " + ("; ".join(faults) or "nothing grew"))
    if asked.figures:
        last = seen.days[-1]
        figures: dict[str, object] = {
            "messages": seen.taken,
            "seconds": round(seconds),
            "kept": seen.kept,
            "memory_mb": round(last.memory / MB),
        }
        figures |= {"handles": last.handles, "connections": last.connections, "grown": faults, "machine": machine, "date": date}
        asked.figures.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
