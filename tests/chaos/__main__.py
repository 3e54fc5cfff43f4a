"""`python -m tests.chaos`: tries every promise, prints what was measured and writes it into docs/reliability.md; exits 1 on any breach."""

from __future__ import annotations

import argparse
import signal
import sys
from random import SystemRandom
from time import monotonic

from tests.chaos import report
from tests.chaos.registry import PROMISES


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    names = [promise.name for promise in PROMISES]
    asked.add_argument("--only", choices=names, action="append", help="this promise; may be given more than once")
    asked.add_argument("--seed", type=int, help="of an earlier run, to have its chances again")
    given = asked.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # through every `finally`, so that nothing is left running
    seed = SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(f"seed {seed}; the same chances again: python -m tests.chaos --seed {seed}", flush=True)
    runs = []
    for promise in PROMISES:
        if not given.only or promise.name in given.only:
            print(f"\n{promise.name}: {promise.text}", flush=True)
            began = monotonic()
            verdict = promise.keep(seed)
            runs.append(report.Run(promise, seed, round(monotonic() - began), verdict))
            report.show(runs[-1])
    report.write(runs)
    if any(run.verdict.breaches for run in runs):
        sys.exit(1)


if __name__ == "__main__":
    main()
