"""One seed lived through: two schedulers and two workers, people who do things, faults; then peace, until nothing is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import text

from channels.base import Ports
from channels.popup.inbox import InboxAdapter
from channels.popup.settings import PopupSettings
from channels.registry import CHANNELS
from config.loader import Config
from config.settings import ChannelSettings, Settings
from jobs.catalog import Catalog
from jobs.dispatch import dispatch
from jobs.escalation import escalate
from jobs.events import take_event
from jobs.house import Account, House
from jobs.links import Signer
from jobs.plan import plan
from jobs.receipts import apply_receipts
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from jobs.tray import Tray
from jobs.valve import valve
from jobs.withdrawal import opt_out
from scheduler.agenda import Agenda
from scheduler.bootstrap import publish
from scheduler.drive import next_moment
from scheduler.firing import fire
from store import limits, platforms, receipts, versions
from store.engine import Database
from store.messages import urgent_queue
from tests.simulation import scene
from tests.simulation.conductor import Conductor, Died, SimulatedClock, Waiting, as_process
from tests.simulation.database import LostAnswer, SteppedDatabase, deadlock, lost, serialization
from tests.simulation.ledger import Books
from tests.simulation.provider import Carrier, Providers, Taken

TICKS: dict[str, Callable[[House, datetime], Coroutine[Any, Any, object]]] = {
    "fire": fire,
    "plan": plan,
    "valve": valve,
    "sweep": sweep,
    "receipts": apply_receipts,
    "escalate": escalate,
    "reconcile": reconcile,
}
QUEUES = [*CHANNELS, *(urgent_queue(name) for name in CHANNELS)]
_FETCH = text("SELECT id, args FROM procrastinate_fetch_job_v2(:queues, :worker)")
_DONE = text("DELETE FROM procrastinate_jobs WHERE id = :id")
SCHEDULERS, WORKERS = ("s1", "s2"), ("w1", "w2")
PEACE = 150  # rounds until everything is done with


@dataclass
class Process:
    """A scheduler or worker that may be killed; its successor is another."""

    house: House
    worker: int


@dataclass(frozen=True, slots=True)
class Word:
    """A stop or an opt-out that was committed, and when it was lifted. person: of an opt-out."""

    at: datetime
    channel: str | None
    campaign: str | None = None
    person: int | None = None


@dataclass
class Play:
    """Everything of one seed."""

    seed: int
    books: Books
    database: Database
    catalog: Catalog
    configs: Sequence[Config]
    words: list[Word] = field(default_factory=list)
    lifted: list[datetime] = field(default_factory=list)
    struck: list[tuple[datetime, str]] = field(default_factory=list)  # faults of a process
    problems: list[str] = field(default_factory=list)
    events: int = 0
    spawned: int = 0

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.clock = SimulatedClock(scene.start(self.chance))
        self.conductor = self.clock.conductor = Conductor(self.chance, self.clock, self.books.blocked)
        self.providers = Providers(self.chance, self.clock, self.conductor)
        self.rates = scene.rates(self.chance)
        self.people = scene.people(self.chance)
        self.trouble = self.chance.choice([0.0, 0.1, 0.3, 0.6])
        self.breaks = self.chance.choice([0.0, 0.0, 0.004, 0.015])
        self.deaths = self.chance.choice([0.0, 0.002, 0.008])
        self.processes: dict[str, Process] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def log(self) -> list[Taken]:
        return self.providers.log

    async def play(self) -> None:
        """Faults first, then peace."""
        self.books.begin_anew(self.people)
        for name in (*SCHEDULERS, *WORKERS, "web"):
            self._start(name)
        web = self.processes["web"].house
        await publish(web, self.chance.choice(self.configs))
        async with web.database.begin() as connection:
            for name, (channel, rate) in self.rates.items():
                await limits.ensure(connection, account=name, channel=channel, rate=rate, now=self.clock.now())
        await fire(web, self.clock.now())
        self.providers.trouble, self.conductor.fault = self.trouble, self._befalls
        for _ in range(self.chance.randrange(8, 18)):
            self._happens()
            await self.conductor.quiet(self.clock.now() + timedelta(seconds=self.chance.choice([0.2, 1, 1, 5, 31, 31, 125, 600, 1800])))
        await self._peace()

    def _start(self, name: str) -> None:
        database = SteppedDatabase(self.database.engine, self.database.conninfo, self.conductor)
        tray = Tray()
        house = House(
            Settings(), database, self.clock, CHANNELS, self.catalog, signer=Signer(b"test"), tray=tray, chance=Random(self.chance.random())
        )
        for account, (channel, rate) in self.rates.items():
            settings = PopupSettings(rate=rate) if channel == "popup" else ChannelSettings(rate=rate)
            pops = InboxAdapter(settings, Ports(put_popup=tray.put)) if isinstance(settings, PopupSettings) else None
            house.accounts[account] = Account(account, CHANNELS[channel], settings, pops or Carrier(self.providers, account, channel))
        self.processes[name] = Process(house, self.books.worker() if name in WORKERS else 0)

    def _befalls(self, step: Waiting) -> BaseException | None:
        """What becomes of a step instead: nearly always nothing."""
        if step.process == "web":
            return None
        roll = self.chance.random()
        if roll < self.deaths and not self.conductor.busy(step.process):
            self._struck(step.process)
            self.books.bury(self.processes[step.process].worker)
            self._start(step.process)
            return Died()
        if roll < self.deaths + self.breaks and step.what != "wakes" and not step.what.startswith("reaches"):
            self._struck(step.process)
            if step.what == "commits":
                return self.chance.choice([LostAnswer(), lost(), serialization()])
            return self.chance.choice([lost(), deadlock()])
        return None

    def _struck(self, process: str) -> None:
        self.struck.append((self.clock.now(), process))

    def _spawn(self, name: str, what: str, work: Coroutine[Any, Any, object]) -> None:
        async def guarded() -> None:
            try:
                await self.conductor.step(f"begins {what}")
                await work
            except asyncio.CancelledError:
                return
            except Exception as error:
                self.conductor.note(f"{name} {what} failed: {type(error).__name__}")
                if not any(who == name for _, who in self.struck):
                    self.problems.append(f"{name} {what} failed though nothing befell it: {error!r}")
            finally:
                work.close()

        self.spawned += 1
        task = asyncio.create_task(as_process(name, self.spawned, guarded()))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _happens(self) -> None:
        """One to five things at once, each by a process."""
        house = self.processes["web"].house
        for kind in self.chance.sample(["event", "event", "event", "stop", "opt_out", "publish", "lift"], self.chance.choice([0, 1, 1, 2])):
            match kind:
                case "event":
                    for _ in range(self.chance.randrange(1, 5)):
                        self._event(house)
                case "stop" if self.chance.random() < 0.4:
                    self._spawn("web", "pause", self._stop(house))
                case "opt_out" if self.chance.random() < 0.5:
                    self._spawn("web", "opt-out", self._opt_out(house))
                case "publish" if self.chance.random() < 0.4:
                    self._spawn("web", "publish", publish(house, self.chance.choice(self.configs)))
                case "lift":
                    self._spawn("web", "resume", self._lift(house))
                case _:
                    continue
        self._news(house)
        for name in SCHEDULERS:
            if self.chance.random() < 0.8:
                for tick in self.chance.sample(["fire", "plan", "valve", "valve", "sweep", "receipts", "escalate", "reconcile"], 3):
                    self._tick(name, tick)
        for name in WORKERS:
            for _ in range(self.chance.choice([0, 1, 2])):
                self._spawn(name, "works", self._work(self.processes[name]))

    def _tick(self, name: str, tick: str) -> None:
        self._spawn(name, tick, TICKS[tick](self.processes[name].house, self.clock.now()))

    def _event(self, house: House) -> None:
        self.events += 1
        who = f"C{self.chance.choice(self.people)['n']:06}"
        name = self.chance.choice("abcdef")
        arrival = {"event_id": f"e{self.events}", "name": name, "customer_no": who}
        self._spawn("web", f"event {name} of {who}", take_event(house, **arrival, data={}, now=self.clock.now()))

    def _news(self, house: House) -> None:
        due = [news for news in self.providers.news if news.at <= self.clock.now()]
        self.providers.news = [news for news in self.providers.news if news.at > self.clock.now()]
        self.chance.shuffle(due)
        for news in due:
            news.about.failed = news.about.failed or news.kind == "failed"
            self._spawn("web", f"receipt {news.kind} {news.about.key}", self._told(house, news.source, news.body))

    async def _told(self, house: House, source: str, body: bytes) -> None:
        async with house.database.begin() as connection:
            await receipts.store(connection, source, body, self.clock.now())

    async def _stop(self, house: House) -> None:
        campaign, channel = self.chance.choice(scene.CAMPAIGNS), self.chance.choice([None, "push", "email"])
        async with house.database.begin() as connection:
            new = await versions.pause(connection, campaign=campaign, channel=channel, reason="", by="oncall", now=self.clock.now())
        if new:
            self.words.append(Word(self.clock.now(), channel, campaign=campaign))

    async def _lift(self, house: House) -> None:
        self.lifted.append(self.clock.now())
        async with house.database.begin() as connection:
            await versions.resume(connection, campaign=None, channel=None, everything=True)
            await limits.resume(connection, None)
            await platforms.lift(connection, None)
        self.lifted.append(self.clock.now())  # also what was said while this went on

    async def _opt_out(self, house: House) -> None:
        person, channel = self.chance.randrange(1, len(self.people) + 1), self.chance.choice(["push", "email"])
        async with house.database.begin() as connection:
            await opt_out(house, connection, [(person, channel, "test")], self.clock.now())
        self.words.append(Word(self.clock.now(), channel, person=person))

    async def _work(self, process: Process) -> bool:
        """One job. False when there is none."""
        database = process.house.database
        async with database.begin() as connection:
            job = (await connection.execute(_FETCH, {"queues": QUEUES, "worker": process.worker})).one()
        if job.id is None:
            return False
        try:
            await dispatch(process.house, **job.args)
        finally:
            if process.worker == self.processes_worker(process):
                async with database.begin() as connection:
                    await connection.execute(_DONE, {"id": job.id})
        return True

    def processes_worker(self, process: Process) -> int:
        """Its number while it lives, else another's."""
        return process.worker if process in self.processes.values() else -1

    async def _peace(self) -> None:
        """No more faults; every tick and every job, again and again, from one moment that matters to the next."""
        self.conductor.note("peace")
        self.providers.trouble, self.conductor.fault = 0.0, lambda step: None
        agenda, web = Agenda(), self.processes["web"].house
        for _ in range(PEACE):
            self._news(web)
            self._spawn("web", "resume", self._lift(web))
            self._spawn("s1", "everything", self._everything())
            await self.conductor.quiet(self.clock.now() + timedelta(seconds=1))
            number, soon = self.books.open()
            if not number and not self.providers.news and not self.tasks:
                return
            ahead = [await next_moment(web, self.clock.now(), agenda, timedelta(hours=2))]
            ahead += [] if soon is None else [soon + timedelta(seconds=1)]
            ahead += [news.at for news in self.providers.news]
            await self.conductor.quiet(max(min(ahead), self.clock.now()))
        self.problems.append(f"not done with after {PEACE} rounds of peace")

    async def _everything(self) -> None:
        house, now = self.processes["s1"].house, self.clock.now
        for tick in ("fire", "plan", "sweep", "valve"):
            await TICKS[tick](house, now())
        while await self._work(self.processes["w1"]):
            continue
        for tick in ("receipts", "escalate", "reconcile"):
            await TICKS[tick](house, now())
