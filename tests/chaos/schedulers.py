"""Promise 3: four schedulers, one killed, one stopped for a minute in the middle of its work: each occurrence once, each cap held."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from random import Random
from threading import Event
from time import monotonic

from tests.chaos import scene
from tests.chaos.fleet import Fleet, TooLate
from tests.chaos.killed import busy, slow_providers
from tests.chaos.promises import Promise, Verdict
from tests.chaos.settled import figures, judged
from tests.world import campaign

SCHEDULERS = {f"scheduler-{number}": ("scheduler",) for number in range(1, 5)}
DAEMONS = {**SCHEDULERS, "worker-1": ("worker",)}
MID_WORK = "SELECT count(*) AS n FROM pg_stat_activity WHERE state = 'idle in transaction'"
VALVE = (
    "SELECT count(*) AS n FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted AND a.state = 'idle in transaction'"
)
DECIDED = "SELECT count(*) AS n FROM messages WHERE status NOT IN ('queued', 'deferred')"
FIRED = "SELECT campaign, occurrence, count(*) AS n FROM runs GROUP BY 1, 2 HAVING count(*) > 1"
TICKING = "SELECT occurrence FROM runs WHERE campaign = 'ticking' ORDER BY due_at"
ENDED = 600.0  # seconds until nothing waits any more
STANDSTILL = 25.0  # seconds: what a sleeper holds goes after 15


@dataclass(frozen=True)
class Size:
    people: int
    asleep: float
    rates: Mapping[str, float]
    settings: Mapping[str, str] = field(default_factory=dict)


FULL = Size(600, 60, {"email": 25, "whatsapp": 25, "push": 25})


def config() -> dict[str, str]:
    """As ever, with a cap and a gap between most campaigns, and one that comes each minute."""
    ticking = campaign(
        "ticking", category="tick", channels="[popup]", when="{every: 1m}", audience="everyone", window="any-time", expires="1h"
    )
    rules = scene.RULES.replace("categories:", "overlap: {gap: 20s, caps: [{channel: email, max: 1, per: 60s}]}\ncategories:")
    return {**scene.files(), "rules.yaml": rules + "  tick: {priority: 20, ignore: [gap, caps]}\n", "schedules/ticking.yaml": ticking}


def keep(seed: int, size: Size = FULL) -> Verdict:
    with Fleet(config(), {**scene.pace(**size.rates), **size.settings}, DAEMONS) as fleet:
        fleet.start_database()
        asyncio.run(scene.populate(fleet, size.people))
        fleet.start_providers()
        slow_providers(fleet, 50)
        fleet.start_daemons()
        breaches: list[str] = []
        before = count(fleet, DECIDED)
        fleet.wait_until(lambda: count(fleet, DECIDED) > before, 60, "it decides")
        sleeper = fall_asleep(fleet, Random(seed))
        held, since = count(fleet, VALVE), monotonic()
        fleet.kill("scheduler-4" if sleeper != "scheduler-4" else "scheduler-3")
        standstill = stands_still(fleet)
        if standstill > STANDSTILL:
            breaches.append(f"the others decided nothing for {standstill:.1f} s")
        Event().wait(max(0.0, size.asleep - (monotonic() - since)))
        fleet.kill(sleeper, signal.SIGCONT)
        fleet.wait_until(lambda: not busy(fleet), ENDED, "everything has come to its end")
        breaches += [f"{row['campaign']} {row['occurrence']}: {row['n']} runs" for row in fleet.sql(FIRED)]
        minutes = [row["occurrence"] for row in fleet.sql(TICKING)]
        tally = judged(fleet)
        told = {
            "schedulers": len(SCHEDULERS),
            "asleep for, seconds": round(size.asleep),
            "in the middle of a transaction when put to sleep": "yes, with the valve's lock" if held else "yes",
            "seconds until another scheduler decided": round(standstill, 1),
            "occurrences of a campaign that comes each minute, each one run": len(minutes),
        }
        breaches += consecutive(minutes)
        return Verdict({**told, **figures(tally)}, breaches + tally.breaches)


def fall_asleep(fleet: Fleet, chance: Random) -> str:
    """Stop one scheduler at an instant at which it holds a transaction open, the valve's if that comes about soon."""
    for wanted, tries in ((VALVE, 300), (MID_WORK, 3000)):
        for _ in range(tries):
            name = chance.choice(list(SCHEDULERS))
            fleet.kill(name, signal.SIGSTOP)
            Event().wait(0.03)
            if count(fleet, wanted):
                # Another may be the one that is in the middle of its work; then it is done a moment later.
                Event().wait(0.3)
                if count(fleet, wanted):
                    return name
            fleet.kill(name, signal.SIGCONT)
            Event().wait(chance.uniform(0, 0.3))
    raise TooLate("no scheduler was caught in the middle of its work")


def stands_still(fleet: Fleet) -> float:
    before = count(fleet, DECIDED)
    with suppress(TooLate):
        return fleet.wait_until(lambda: count(fleet, DECIDED) > before, 2 * STANDSTILL, "another scheduler decides")
    return 2 * STANDSTILL


def count(fleet: Fleet, statement: str) -> int:
    return int(fleet.sql(statement)[0]["n"])


def consecutive(minutes: list[str]) -> list[str]:
    moments = [datetime.fromisoformat(minute) for minute in minutes]
    steps = [(after - before).total_seconds() for before, after in pairwise(moments)]
    return [f"{step:g} s between two occurrences of a campaign that comes each minute" for step in steps if step != 60]


PROMISE = Promise(
    "schedulers",
    "Four schedulers, one killed and one stopped in the middle of its work for a minute and woken: each occurrence is fired once, and "
    "every gap and cap is held.",
    keep,
)
