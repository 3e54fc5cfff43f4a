"""Promise 2: the database is killed, cut off and silent, and so is the way to the providers; nothing is lost, and it goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from time import monotonic
from urllib.parse import urlsplit

from tests.chaos import scene
from tests.chaos.fleet import Fleet, TooLate
from tests.chaos.killed import busy, slow_providers
from tests.chaos.promises import Promise, Verdict
from tests.chaos.proxy import Mode, Proxy
from tests.chaos.settled import figures, judged, lines, lines_by_channel

AGAIN_WITHIN = 15.0  # seconds from the end of a fault
SIGN = 10  # lines in the providers' own log that say that it goes on
CHANNELS = ("push", "whatsapp", "email")
WAITING = "SELECT DISTINCT channel FROM messages WHERE status IN ('queued', 'deferred', 'released', 'sending')"
LATE = 0.2  # seconds that a delayed piece is late
ONCE = "SELECT count(*) AS n FROM messages WHERE status = 'sending' AND category IN ('promo', 'late')"  # what is never sent again in doubt
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass(frozen=True)
class Size:
    """killed: seconds the database is away, each time. faulty: seconds of every other fault. wait: seconds for the rest at the end."""

    people: int
    killed: tuple[float, ...]
    faulty: float
    rates: Mapping[str, float]
    wait: float
    settings: Mapping[str, str] = field(default_factory=dict)


FULL = Size(2_200, (3, 30, 120), 10, {"email": 40, "whatsapp": 40, "push": 12}, 300)


@dataclass(frozen=True, slots=True)
class Ways:
    """What stands between the daemons and the rest of the world."""

    database: Proxy
    http: Proxy
    mail: Proxy

    def providers(self, mode: Mode, seconds: float = 0.0) -> None:
        self.http.set(mode, seconds)
        self.mail.set(mode, seconds)


def config() -> Mapping[str, str]:
    """As ever, but by e-mail what is never sent again goes first, by WhatsApp what is: both are in flight at every fault."""
    ranks = scene.RULES.replace("priority: 100", "priority: 50").replace("priority: 10,", "priority: 60,")
    files = {**scene.files(), "rules.yaml": ranks + "  late: {priority: 40, offer: true, approval: false}\n"}
    name = next(name for name, text in files.items() if "campaign: offer" in text)
    return {**files, name: files[name].replace("category: promo", "category: late")}


def keep(_: int, size: Size = FULL) -> Verdict:
    with Fleet(config(), {**scene.pace(**size.rates), **size.settings}) as fleet, ExitStack() as stack:
        fleet.start_database()
        asyncio.run(scene.populate(fleet, size.people))
        fleet.start_providers()
        slow_providers(fleet, 100)
        ways = between(fleet, stack)
        fleet.start_daemons()
        fleet.wait_until(lambda: lines(fleet) > SIGN, 60, "messages are with their providers")
        again: dict[str, float] = {}
        breaches: list[str] = []
        once = 0
        for name, fault in faults(fleet, ways, size):
            once += int(fleet.sql(ONCE)[0]["n"])
            fault()
            try:
                again[name] = sends_again(fleet)
            except TooLate:
                breaches.append(f"{name}: nothing was sent for {4 * AGAIN_WITHIN:g} s after it had ended")
            print(f"  {name}: {again.get(name, -1):.1f} s", flush=True)
        if not once:
            breaches.append("nothing that is sent at most once was in flight at any fault, which shows nothing for it")
        if not busy(fleet):
            breaches.append("everything was sent before the last fault, which shows nothing then")
        fleet.wait_until(lambda: not busy(fleet), size.wait, "every message has come to its end")
        tally = judged(fleet, cut=True)
        breaches += tally.breaches
        breaches += [f"{name}: sending again only after {took:.1f} s" for name, took in again.items() if took > AGAIN_WITHIN]
        told = {f"seconds until it sends again: {name}": round(took, 1) for name, took in again.items()}
        return Verdict({**told, **figures(tally), "at most once: in flight when a fault began": once}, breaches)


def between(fleet: Fleet, stack: ExitStack) -> Ways:
    """From now on the daemons that are started go through these."""
    mail = int(fleet.environment["KABAR_EMAIL__PORT"])
    ports = fleet.postgres.port, urlsplit(fleet.sandbox).port or 0, mail
    ways = Ways(*(stack.enter_context(Proxy(("127.0.0.1", port))) for port in ports))
    there = f"http://127.0.0.1:{ways.http.port}"
    fleet.environment |= {
        "KABAR_DATABASE_URL": fleet.postgres.url(port=ways.database.port),
        "KABAR_PUSH__ENDPOINT": there,
        "KABAR_WHATSAPP__ENDPOINT": there,
        "KABAR_EMAIL__PORT": str(ways.mail.port),
    }
    return ways


def faults(fleet: Fleet, ways: Ways, size: Size) -> Iterator[tuple[str, Callable[[], None]]]:
    for seconds in size.killed:
        yield f"database killed for {seconds:g} s", partial(killed, fleet, seconds)
    yield "all connections ended by the server, each second", partial(terminated, fleet, size.faulty)
    for where, change in (("database", ways.database.set), ("providers", ways.providers)):
        for mode in (Mode.CUT, Mode.REFUSE, Mode.HOLE, Mode.HALF, Mode.DELAY):
            yield f"way to the {where}: {mode}", partial(during, change, mode, size.faulty)


def killed(fleet: Fleet, seconds: float) -> None:
    fleet.postgres.stop("immediate")
    Event().wait(seconds)
    fleet.postgres.start()


def terminated(fleet: Fleet, seconds: float) -> None:
    until = monotonic() + seconds
    while monotonic() < until:
        fleet.sql(TERMINATE)
        Event().wait(1)


def during(change: Callable[[Mode, float], None], mode: Mode, seconds: float) -> None:
    change(mode, LATE)
    Event().wait(seconds)
    change(Mode.PASS, 0.0)


def sends_again(fleet: Fleet) -> float:
    """Seconds from now until each channel does that has anything to send."""
    before, waiting = lines_by_channel(fleet), {row["channel"] for row in fleet.sql(WAITING)}

    def again() -> bool:
        now = lines_by_channel(fleet)
        return all(now[channel] >= before[channel] + SIGN for channel in CHANNELS if channel in waiting)

    return fleet.wait_until(again, 4 * AGAIN_WITHIN, "it sends again")


PROMISE = Promise(
    "outages",
    "The database is killed, cut off and silent, and so is the way to the providers: nothing is lost, no process ends, and it sends again "
    "within 15 s after each fault.",
    keep,
)
