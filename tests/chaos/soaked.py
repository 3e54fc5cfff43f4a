"""Promise 9: ten days of blasts, and nothing has grown. `make soak` has fifty days, and five million messages."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from store.embedded import embedded_uri
from tests.chaos.promises import Promise, Verdict
from tests.soak.measure import grown
from tests.soak.soak import soak

DAYS, PEOPLE = 10, 20_000
MB = 2**20


def keep(_seed: int) -> Verdict:
    folder = Path(tempfile.mkdtemp(prefix="kabar-soak-"))
    try:
        seen = soak(embedded_uri(folder / "postgres"), days=DAYS, people=PEOPLE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    breaches = grown(seen.days)
    if seen.taken != DAYS * PEOPLE:
        breaches.append(f"{DAYS * PEOPLE:,} messages were planned, the provider took {seen.taken:,}")
    last = seen.days[-1]
    told: dict[str, int | float | str] = {
        "messages": seen.taken,
        "days, by the daemon's clock": DAYS,
        "messages still kept, of three days": seen.kept,
        "memory of the daemon after the first and the last day, MB": f"{seen.days[0].memory / MB:.0f}, {last.memory / MB:.0f}",
        "file handles, first and last": f"{seen.days[0].handles}, {last.handles}",
        "connections, first and last": f"{seen.days[0].connections}, {last.connections}",
        "largest table, MB": f"{next(iter(last.tables.values())) / MB:.0f}",
        "job table, MB": f"{last.tables['procrastinate_jobs'] / MB:.1f}",
    }
    return Verdict(told, breaches)


PROMISE = Promise(
    "soak",
    "A daemon that runs on and on stays the size it was: memory, file handles, connections and tables, with retention of three days.",
    keep,
)
