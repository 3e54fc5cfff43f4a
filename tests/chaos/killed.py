"""Promise 1: 50,000 messages while scheduler, workers and web are killed at random instants, with no chance to say a word."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import Random
from threading import Event
from urllib.request import Request, urlopen

from tests.chaos import scene
from tests.chaos.caller import Caller
from tests.chaos.fleet import DAEMONS, Fleet
from tests.chaos.judge import Count, Kind, heard, judge
from tests.chaos.promises import Promise, Verdict
from tests.storm import books
from tests.storm.judge import RESENT

BUSY = """
SELECT (SELECT count(*) FROM messages WHERE status IN ('queued', 'deferred', 'released', 'sending'))
     + (SELECT count(*) FROM runs WHERE status = 'due') + (SELECT count(*) FROM events WHERE planned_at IS NULL)
     + (SELECT count(*) FROM receipts WHERE applied_at IS NULL) AS n
"""
IN_FLIGHT = "SELECT id, fence, category FROM messages WHERE status = 'sending'"
GONE = "SELECT count(*) AS n FROM messages WHERE event_ref = 0 AND status NOT IN ('queued', 'released')"
LAST = 0.1  # messages a person; while there are more, processes are killed
BY_EVENT = """
SELECT e.event_id, count(m.id) AS n FROM events e LEFT JOIN messages m ON m.event_ref = e.id GROUP BY 1
"""


@dataclass(frozen=True)
class Size:
    """kills: at least and at most as many. every: seconds between two of them, on average. wait: seconds for the rest after the last.

    commands: ask `kabar audit` and `kabar export`, too
    """

    people: int
    events: int
    kills: tuple[int, int]
    every: float
    rates: Mapping[str, float]
    wait: float
    settings: Mapping[str, str] = field(default_factory=dict)
    commands: bool = True


HASTY = {"KABAR_LEASE": "4"} | {f"KABAR_{channel}__DEADLINE": "2" for channel in ("EMAIL", "WHATSAPP", "PUSH", "POPUP")}
SHORT = Size(240, 60, (4, 4), 1.5, {"email": 45, "whatsapp": 45, "push": 30}, 60, HASTY, commands=False)
FULL = Size(8_000, 2_000, (30, 70), 5, {"email": 120, "whatsapp": 120, "push": 80}, 300)


@dataclass
class Kills:
    """struck: by process. busy: how many fell while messages were on their way.

    in_flight: (message, fence, category) that some worker held when one of them was killed
    """

    struck: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    in_flight: set[tuple[int, int, str]] = field(default_factory=set)

    @property
    def again(self) -> int:
        """Those that are sent again."""
        return sum(category in RESENT for *_, category in self.in_flight)


def keep(seed: int, size: Size = FULL) -> Verdict:
    settings = {**scene.pace(**size.rates), **size.settings}
    with Fleet(scene.files(), settings) as fleet:
        fleet.start_database()
        asyncio.run(scene.populate(fleet, size.people))
        fleet.start_providers()
        slow_providers(fleet, 100)
        fleet.start_daemons()
        customers = [f"C{number:06}" for number in range(1, size.people + 1)]
        with Caller(fleet.web, scene.EVENT, customers, events=size.events, seconds=size.kills[0] * size.every, seed=seed) as caller:
            fleet.wait_until(lambda: fleet.truth.stat().st_size, 60, "the first message is with its provider")
            kills = strike(fleet, size, seed)
            rest = fleet.wait_until(lambda: caller.done and not busy(fleet), size.wait, "every message has come to its end")
        found = verdict(fleet, size, kills, caller, rest)
        fleet.keep_logs = bool(found.breaches)
        return found


def slow_providers(fleet: Fleet, ms: int) -> None:
    """Providers that take this long to answer, as real ones do; a kill then finds messages in flight."""
    rules = [{"channel": channel, "kind": "latency", "ms": ms} for channel in ("push", "whatsapp", "email")]
    with urlopen(Request(f"{fleet.sandbox}/_sandbox/faults", json.dumps(rules).encode(), method="PUT"), timeout=5):
        return


def strike(fleet: Fleet, size: Size, seed: int) -> Kills:
    """Until hardly any message is left to be sent, at instants and on processes that the seed decides.

    One that is just being started is killed as soon as it is there.
    """
    chance, pause, kills = Random(seed), Event(), Kills()
    while fleet.sql(GONE)[0]["n"] < size.people * (scene.A_PERSON - LAST) and kills.struck.total() < size.kills[1]:
        pause.wait(chance.uniform(0.4, 1.6) * size.every)
        name = chance.choice(list(DAEMONS))
        fleet.wait_until(partial(fleet.kill, name), 10, f"{name} is there to be killed")
        kills.struck[name] += 1
        kills.busy += busy(fleet)
        if name.startswith("worker"):
            kills.in_flight |= {(row["id"], row["fence"], row["category"]) for row in fleet.sql(IN_FLIGHT)}
    return kills


def busy(fleet: Fleet) -> bool:
    return bool(fleet.sql(BUSY)[0]["n"])


def verdict(fleet: Fleet, size: Size, kills: Kills, caller: Caller, rest: float) -> Verdict:
    """The daemons are asked to stop first, each once it has come up: nothing moves any more."""
    for name in fleet.daemons:
        fleet.wait_until_ready(name)
    ends = fleet.services.stop_all(fleet.daemons)
    our, their = asyncio.run(books.ours_of(fleet.postgres.url())), books.theirs(fleet.truth)
    tally = judge(our, their, in_flight=kills.again)
    breaches = tally.breaches + heard(frozenset(caller.acknowledged), {row["event_id"]: row["n"] for row in fleet.sql(BY_EVENT)})
    breaches += [f"{name} ended by itself: {codes}" for name, codes in fleet.ended.items()]
    breaches += [f"{name} was asked to stop and ended with {code}" for name, code in ends.items() if code != 0]
    breaches += _not_as_wanted(size, kills, caller, len(our.messages))
    breaches += _as_operators_see_it(fleet, our) if size.commands else []
    return Verdict(_figures(tally.kinds, kills, caller, rest), breaches)


def _not_as_wanted(size: Size, kills: Kills, caller: Caller, messages: int) -> list[str]:
    """Whether it was the trial it is said to be."""
    found = []
    if messages != (wanted := size.people * scene.A_PERSON + size.events):
        found.append(f"{messages} messages, not {wanted}")
    if kills.busy < size.kills[0]:
        found.append(f"only {kills.busy} kills fell while messages were on their way, not {size.kills[0]}")
    untouched = {category for _, category, _ in scene.CAMPAIGNS} - {category for *_, category in kills.in_flight}
    if untouched and size.commands:
        found.append(f"no message of {', '.join(sorted(untouched))} was in flight when its worker was killed")
    if caller.refused:
        found.append(f"{caller.refused} events were refused")
    return found


def _as_operators_see_it(fleet: Fleet, our: books.Ours) -> list[str]:
    """`kabar audit` is clean, and `kabar export messages` shows each message as it is."""
    found = []
    with ThreadPoolExecutor() as both:
        audited, exported = both.submit(fleet.kabar, "audit"), both.submit(fleet.kabar, "export", "messages", "--format", "jsonl")
    if (audit := audited.result()).returncode:
        found.append(f"kabar audit: {audit.stdout}{audit.stderr}")
    shown = [json.loads(line) for line in exported.result().stdout.splitlines()]
    told = {(line["message_id"], line["status"], line["maybe_duplicate"]) for line in shown}
    known = {(message.id, message.status, message.maybe_duplicate) for message in our.messages}
    if told != known:
        found.append(f"kabar export messages shows {len(told)} messages, {len(told ^ known)} of them otherwise than they are")
    return found


def _figures(kinds: Mapping[Kind, Count], kills: Kills, caller: Caller, rest: float) -> Mapping[str, int | float | str]:
    figures: dict[str, int | float | str] = {
        "messages": sum(count.messages for count in kinds.values()),
        "kills": kills.struck.total(),
        "killed": ", ".join(f"{name} {times}" for name, times in sorted(kills.struck.items())),
        "kills while messages were on their way": kills.busy,
        "messages in flight at the kills of workers": len(kills.in_flight),
        "lost": sum(count.lost for count in kinds.values()),
    }
    for kind, count in kinds.items():
        figures[f"{kind}: messages"] = count.messages
        figures[f"{kind}: taken by the provider more than once"] = count.doubled
    figures |= {
        f"{Kind.ONCE}: visibly unknown at the end": kinds[Kind.ONCE].unknown,
        f"{Kind.ONCE}: of those, never taken by the provider": kinds[Kind.ONCE].never,
        f"{Kind.AGAIN}: flagged maybe_duplicate": kinds[Kind.AGAIN].flagged,
        f"{Kind.AGAIN}: taken more than once and not flagged": kinds[Kind.AGAIN].silent,
        f"{Kind.AGAIN}: in flight at kills, the most that may be repeated": kills.again,
        "events acknowledged, each one message": len(caller.acknowledged),
        "events called again for want of an answer": caller.repeats,
        "seconds from the last kill to the end of the last message": round(rest),
    }
    return figures


PROMISE = Promise(
    "killed",
    "Scheduler, workers and web are killed with kill -9 at random instants: no message is lost, none is doubled but where its category "
    "asks for it, and those are flagged.",
    keep,
)
