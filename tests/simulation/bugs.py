"""Faults to plant in a copy of the code, and how many seeds find them: `python -m tests.simulation.bugs [name …]`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ROOMS = ("config", "rules", "channels", "store", "jobs", "scheduler", "tests", "console", "docs")
SEEDS = 40


class Bug(NamedTuple):
    """In a module, `right` becomes `wrong`; `right` stands exactly once there."""

    path: str
    right: str
    wrong: str


_OUTBOX, _TURNS = "store/outbox.py", "store/turns.py"
_HELD = "ELSE greatest(open_until, start - make_interval(secs => :ahead)) END"
_LOCKED = "return house.known is not None or await messages.valve_lock(connection)"
_FENCED = "WHERE m.id = v.id AND m.status = 'sending' AND m.fence = v.fence"

BUGS = {
    "settle asks for no fence": Bug(_OUTBOX, _FENCED, "WHERE m.id = v.id"),
    "the sweeper repeats what must not be": Bug(
        _OUTBOX, "m.category = ANY(:resend)) THEN 'unknown'", "m.category = ANY(:resend)) THEN 'queued'"
    ),
    "a doubtful send is tried again": Bug("jobs/settlement.py", "case Unknown(code) if not resend:", "case Unknown(code) if False:"),
    "a repeat is not flagged": Bug(_OUTBOX, "m.maybe_duplicate OR v.doubtful,", "m.maybe_duplicate,"),
    "the limiter forgets open_until": Bug(_TURNS, _HELD, "ELSE start - make_interval(secs => :ahead) END"),
    "the limiter forgets its pace": Bug(
        _TURNS, "SET next_free_at = c.start + make_interval(secs => c.n / c.rate),", "SET next_free_at = c.start,"
    ),
    "a valve works without its lock": Bug("jobs/valve.py", _LOCKED, "return True"),
    "a pause is not seen by who waits": Bug("jobs/blocks.py", "if house.gate.stops(item.campaigns, channel)]", "if False]"),
    "the sweeper nudges nobody": Bug("jobs/sweep.py", "        if orphans:\n", "        if False:\n"),
    "a claim asks for no opt-out": Bug(_OUTBOX, "CASE WHEN m.category = ANY(:offers) AND ", "CASE WHEN false AND "),
}


def found_by(name: str, seeds: int = SEEDS) -> str:
    """What the simulation said of a copy with this bug; empty when nothing was found."""
    bug = BUGS[name]
    with tempfile.TemporaryDirectory() as folder:
        for room in ROOMS:
            shutil.copytree(ROOT / room, Path(folder) / room, ignore=shutil.ignore_patterns("__pycache__"))
        path = Path(folder) / bug.path
        written = path.read_text(encoding="utf-8")
        if written.count(bug.right) != 1:
            raise ValueError(f"{bug.path} has not exactly one: {bug.right}")
        path.write_text(written.replace(bug.right, bug.wrong), encoding="utf-8")
        command = [sys.executable, "-m", "tests.simulation", "--seeds", str(seeds), "--jobs", "1", "--first-fault"]
        done = subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": folder}, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode else ""


def main() -> None:
    for name in sys.argv[1:] or BUGS:
        said = found_by(name)
        seeds = re.search(r"(\d+) seeds", said)
        print(f"{name}: {f'found by the seed number {seeds[1]}' if seeds else 'not found'}\n{said}", flush=True)


if __name__ == "__main__":
    main()
