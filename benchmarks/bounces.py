"""How well returned mail is judged: `python benchmarks/bounces.py DIR [--labels FILE] [--wrong]`.

DIR holds .eml files; FILE is a CSV of `file,label` with hard, soft or none. Without labels it counts what it sees.
"""

from __future__ import annotations

import argparse
import csv
import platform
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from channels.email.bounces import Reading, Sort, read

LABELS = ("hard", "soft", "none")


def answer(reading: Reading) -> str:
    """hard, soft, undetermined, or none for what is no bounce; a delay is a soft one."""
    return reading.grade.value if reading.sort in (Sort.BOUNCE, Sort.DELAY) else "none"


def labels_of(file: Path | None) -> Mapping[str, str]:
    if file is None:
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row["label"] for row in csv.DictReader(lines)}


def share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})" if whole else "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--wrong", action="store_true", help="name each file that is not as its label says, and why")
    words = parser.parse_args()
    labels = labels_of(words.labels)
    files = sorted(words.directory.rglob("*.eml"))
    started = time.perf_counter()
    readings = {file.name: read(file.read_bytes()) for file in files}
    spent = time.perf_counter() - started
    print(f"{datetime.now(UTC):%d %B %Y}, {platform.machine()}, Python {platform.python_version()}: {len(files)} mails, {spent:.2f} s")
    print("sorts:", dict(Counter(reading.sort.value for reading in readings.values()).most_common()))
    print("reasons:", dict(Counter(found.judgement.reason for reading in readings.values() for found in reading.findings).most_common()))
    told = {name: (labels[name], answer(reading)) for name, reading in readings.items() if labels.get(name) in LABELS}
    if told:
        judge(Counter(told.values()))
    for name, (label, said) in told.items() if words.wrong else ():
        if label != said:
            finding = next(iter(readings[name].findings), None)
            print(f"{name}: {label}, said {said}: {finding.judgement.why if finding else readings[name].sort}")


def judge(table: Mapping[tuple[str, str], int]) -> None:
    """The confusion, and the numbers that matter."""
    columns = (*LABELS[:2], "undetermined", "none")
    print(f"\n{'label':>8}" + "".join(f"{column:>14}" for column in columns))
    for label in LABELS:
        print(f"{label:>8}" + "".join(f"{table.get((label, column), 0):>14}" for column in columns))
    hard, soft = (sum(count for (label, _), count in table.items() if label == which) for which in ("hard", "soft"))
    exact = table.get(("hard", "hard"), 0) + table.get(("soft", "soft"), 0)
    unknown = sum(count for (label, said), count in table.items() if said == "undetermined" and label != "none")
    print(f"\nright on hard and soft: {share(exact, hard + soft)}")
    print(f"with undetermined taken for soft, as the house does: {share(exact + table.get(('soft', 'undetermined'), 0), hard + soft)}")
    print(f"soft called hard: {share(table.get(('soft', 'hard'), 0), soft)}")
    print(f"undetermined: {share(unknown, hard + soft)}")


if __name__ == "__main__":
    main()
