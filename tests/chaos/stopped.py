"""Promise 8: a stop settles what is in flight within the grace; one that is cut short, by the grace or a second signal, is safe."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from tests.chaos import scene
from tests.chaos.fleet import Fleet
from tests.chaos.killed import busy, slow_providers
from tests.chaos.promises import Promise, Verdict
from tests.chaos.settled import figures, judged

HELD = "SELECT id, fence FROM messages WHERE status = 'sending'"
SLOW = f"{HELD} AND channel <> 'popup'"  # with a provider, who takes his time; a pop-up is laid ready at once
IN_DOUBT = "SELECT count(*) AS n FROM messages WHERE status = 'unknown' OR doubted_at IS NOT NULL"
WORKER = "worker-1"
ALONE = {"scheduler": ("scheduler",), WORKER: ("worker",)}
SIGN_OFF = 3.0  # seconds beside the grace until the process has ended
AT_ONCE = 2.0


Holds = frozenset[tuple[int, int]]  # message and fence: of each time that one is held


@dataclass(frozen=True)
class Size:
    """grace: of the good stop. slow: milliseconds the providers take; short: seconds of a grace that is less. wait: for the rest."""

    people: int
    grace: float
    slow: int
    short: float
    rates: Mapping[str, float]
    wait: float
    settings: Mapping[str, str] = field(default_factory=dict)


FULL = Size(600, 20, 4_000, 1, {"email": 30, "whatsapp": 30, "push": 30}, 300)


@dataclass
class Ended:
    figures: dict[str, int | float | str] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    left: Holds = frozenset()  # what processes that are gone have left to their leases

    def hold(self, good: bool, what: str) -> None:
        self.breaches += [] if good else [what]


def keep(_: int, size: Size = FULL) -> Verdict:
    settings = {**scene.pace(**size.rates), "KABAR_STOP_GRACE": f"{size.grace:g}", **size.settings}
    with Fleet(scene.files(), settings, ALONE) as fleet:
        fleet.start_database()
        asyncio.run(scene.populate(fleet, size.people))
        fleet.start_providers()
        slow_providers(fleet, size.slow)
        fleet.start_daemons()
        found = Ended()
        in_order(fleet, size, found)
        cut_short(fleet, size, found)
        twice(fleet, found)
        slow_providers(fleet, 50)
        fleet.wait_until(lambda: not busy(fleet), size.wait, "every message has come to its end")
        tally = judged(fleet)
        return Verdict({**found.figures, **figures(tally)}, found.breaches + tally.breaches)


def in_order(fleet: Fleet, size: Size, found: Ended) -> None:
    going = in_flight(fleet, found.left)
    took, code = stop(fleet)
    found.figures |= {"in flight at the first stop": len(going), "seconds until it had ended in good order": round(took, 1)}
    found.hold(code == 0 and took < size.grace + SIGN_OFF, f"a stop took {took:.1f} s and ended with {code}")
    left = len(holds(fleet, HELD)) + fleet.sql(IN_DOUBT)[0]["n"]
    found.hold(left == 0, f"{left} messages were not settled by a stop in good order")
    start(fleet, size.short)


def cut_short(fleet: Fleet, size: Size, found: Ended) -> None:
    in_flight(fleet, found.left)
    took, code = stop(fleet)
    found.left = holds(fleet, HELD)
    found.figures |= {
        f"seconds until it had ended with a grace of {size.short:g} s": round(took, 1),
        "left to their leases by that": len(found.left),
    }
    found.hold(code == 0 and took < size.short + SIGN_OFF, f"a stop with too short a grace took {took:.1f} s and ended with {code}")
    start(fleet, size.grace)


def twice(fleet: Fleet, found: Ended) -> None:
    in_flight(fleet, found.left)
    fleet.services.all[WORKER].wanted = False
    fleet.kill(WORKER, signal.SIGTERM)
    fleet.wait_until(lambda: fleet.services.all[WORKER].said("daemon.stopping"), 10, "the first signal is heard")
    took, code = stop(fleet)
    found.figures |= {
        "seconds from a second signal to the end": round(took, 2),
        "left to their leases by it": len(holds(fleet, HELD) - found.left),
    }
    found.hold(code == -signal.SIGTERM and took < AT_ONCE, f"a second signal ended it after {took:.1f} s with {code}")
    fleet.restart(WORKER)
    fleet.wait_until_ready(WORKER)


def in_flight(fleet: Fleet, left: Holds) -> Holds:
    """Waits for messages to be on their way, beside those that are left lying; which are."""
    going: Holds = frozenset()

    def come() -> Holds:
        nonlocal going
        going = holds(fleet, SLOW) - left
        return going

    fleet.wait_until(come, 60, "messages are on their way")
    return going


def holds(fleet: Fleet, statement: str) -> Holds:
    return frozenset((row["id"], row["fence"]) for row in fleet.sql(statement))


def stop(fleet: Fleet) -> tuple[float, int | None]:
    since = monotonic()
    code = fleet.services.stop(WORKER)
    return monotonic() - since, code


def start(fleet: Fleet, grace: float) -> None:
    service = fleet.services.all[WORKER]
    service.environment = {**service.environment, "KABAR_STOP_GRACE": f"{grace:g}"}
    fleet.restart(WORKER)
    fleet.wait_until_ready(WORKER)


PROMISE = Promise(
    "stopped",
    "A stop settles what is in flight within its grace and ends with 0; a grace that is too short and a second signal end the process all "
    "the same, and what was in flight is visibly in doubt.",
    keep,
)
