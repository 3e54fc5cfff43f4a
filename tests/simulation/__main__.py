"""`python -m tests.simulation --seeds 5000 [--from N] [--jobs 2]`, or `--seed N [--trace]` to live through one again."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter

from tests.simulation.theatre import Verdict, seeds, server

LOT = 100  # seeds a process lives through on one server
GARBAGE = 100_000  # objects until cycles are looked for: a seed leaves few, and each look costs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="live through this one")
    parser.add_argument("--trace", action="store_true", help="tell every step")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--first-fault", action="store_true", help="end with the first seed that fails")
    asked = parser.parse_args()
    numbers = [asked.seed] if asked.seed is not None else range(asked.first, asked.first + asked.seeds)
    since, done, bad = perf_counter(), 0, 0
    for verdict in _lived(numbers, asked.jobs):
        done += 1
        if asked.trace:
            print("\n".join(verdict.trace))
        if verdict.faults:
            bad += 1
            print(f"python -m tests.simulation --seed {verdict.seed}", *verdict.faults, sep="\n  ", flush=True)
            if asked.first_fault:
                break
    print(f"{done} seeds, {bad} failed, {perf_counter() - since:.0f} s")
    return 1 if bad else 0


def _lived(numbers: Sequence[int], jobs: int) -> Iterator[Verdict]:
    if jobs == 1 or len(numbers) <= LOT:
        with server() as uri:
            yield from seeds(uri, numbers)
        return
    with ProcessPoolExecutor(jobs) as pool:
        lots = [numbers[place : place + LOT] for place in range(0, len(numbers), LOT)]
        for lot in pool.map(_lot, lots):
            yield from lot


def _lot(numbers: Sequence[int]) -> list[Verdict]:
    gc.set_threshold(GARBAGE)
    with server() as uri:
        return list(seeds(uri, numbers))


if __name__ == "__main__":
    sys.exit(main())
