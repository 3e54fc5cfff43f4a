"""Two schedulers and two workers on one database, in any order of what can happen in a house: never a breach, nothing lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy.engine import make_url

from channels.registry import CHANNELS
from channels.sandbox.faults import Rule as Fault
from channels.sandbox.server import Sandbox
from config.settings import Settings
from jobs.audit import examine
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.events import take_event
from jobs.house import House
from jobs.links import Signer
from jobs.plan import plan
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from jobs.valve import valve
from scheduler.drive import Send
from scheduler.firing import fire
from store import outbox, suppressions, versions
from store.engine import Database, open_database
from store.suppressions import Source
from tests.world import RULES, at, campaign, configure, files, person, rows, sandbox, sending

FAULTS = [
    ("push", "UNAVAILABLE"),
    ("push", "UNREGISTERED"),
    ("email", "450"),
    ("email", "550"),
    ("email", "drop_after"),
    ("whatsapp", "131026"),
]
EVENTS = "customer: {a: {}, b: {}, c: {}, d: {}}"
CAMPAIGNS = (
    campaign("promo", category="promo", channels="[push, popup]", when="{event: a}", topic="contest"),
    campaign("reminder", channels="[push, email]", when="{event: b}", topic="contest", expires="6h"),
    campaign("info", category="info", channels="{first: [whatsapp, email]}", when="{event: c}", window="any-time", queue_for="5h"),
    campaign("service", category="service", channels="[email]", when="{event: d}"),
)
VARIANTS = (
    RULES,
    RULES.replace("gap: 2h", "gap: 30m"),
    RULES.replace("max: 1, per: day", "max: 2, per: 24h"),
    RULES.replace("priority: 30", "priority: 70"),
    RULES.replace("19:00-21:30", "18:00-20:00"),
)
_names = count(1)


class Houses(RuleBasedStateMachine):
    """Two houses on one database, one virtual clock, and the sandbox behind both."""

    server: str
    template: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.name = f"two_{next(_names)}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.name} TEMPLATE {self.template} STRATEGY file_copy")
        self.clock = VirtualClock(at("2026-11-20 18:00"))
        self.stack = AsyncExitStack()
        self.houses: list[tuple[House, Send]] = []
        self.people: list[int] = []
        self.events = 0
        self.runner.run(self._open())

    async def _open(self) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.provider: Sandbox = await self.stack.enter_async_context(sandbox(folder, self.clock))
        for number in range(2):
            database = self._database()
            self.stack.push_async_callback(database.close)
            signer = Signer(b"test")
            house = House(Settings(), database, self.clock, CHANNELS, Catalog(CHANNELS), signer=signer, chance=Random(number))
            await configure(house, self._written(RULES))
            self.houses.append(await self.stack.enter_async_context(sending(house, self.provider)))

    def _database(self) -> Database:
        return open_database(make_url(self.server).set(database=self.name).render_as_string(hide_password=False))

    def _written(self, rules: str) -> dict[str, str]:
        return files(*CAMPAIGNS, rules=rules) | {"events.yaml": EVENTS}

    @property
    def house(self) -> House:
        return self.houses[0][0]

    def teardown(self) -> None:
        try:
            self.runner.run(self._judged())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()
            with psycopg.connect(self.server, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)")

    async def _judged(self) -> None:
        audit = await examine(self.house)
        assert audit.clean, audit.found
        [kept] = await rows(
            self.house.database, "SELECT (SELECT count(*) FROM messages) AS messages, (SELECT sum(messages) FROM runs) AS planned"
        )
        assert kept.messages == (kept.planned or 0)
        once = [each for each in self.provider.journal if each.channel != "push" and each.campaign != "service"]
        assert all(each.copies == 1 for each in once)

    def do(self, *jobs: Awaitable[object]) -> None:
        """All at once; none may fail."""

        async def together() -> None:
            await asyncio.gather(*jobs)

        self.runner.run(together())

    @initialize(zones=st.lists(st.sampled_from([None, "Asia/Jayapura", "Europe/Berlin"]), min_size=2, max_size=3))
    def customers(self, zones: list[str | None]) -> None:
        for number, zone in enumerate(zones, 1):
            hours = "Mon-Fri 08:00-20:30" if number == 2 else None
            self.people.append(self.runner.run(person(self.house.database, number, timezone=zone, contact_hours=hours)))
            self._happens("abc", number)
        self.time_passes_to_the_evening()

    @rule(names=st.permutations("abcd"), who=st.integers(0, 2))
    def something_happens_to_somebody(self, names: list[str], who: int) -> None:
        self._happens("".join(names[:3]), who % len(self.people) + 1)
        self.time_passes(5)

    def _happens(self, names: str, number: int) -> None:
        for name in names:
            self.events += 1
            arrival = {"event_id": f"e{self.events}", "name": name, "customer_no": f"C{number:06}"}
            self.do(*(take_event(house, **arrival, data={}, now=self.clock.now()) for house, _ in self.houses))

    @rule(minutes=st.sampled_from([1, 2, 15, 60, 119, 120, 240]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance_to(self.clock.now() + timedelta(minutes=minutes))
        self._ticks()

    @rule()
    def time_passes_to_the_evening(self) -> None:
        evening = self.clock.now().astimezone(at("2026-11-20").tzinfo).replace(hour=19, minute=0)
        self.clock.advance_to(evening if evening > self.clock.now() else evening + timedelta(days=1))
        self._ticks()

    def _ticks(self) -> None:
        now = self.clock.now()
        self.do(*(fire(house, now) for house, _ in self.houses))
        self.do(*(job(house, now) for house, _ in self.houses for job in (plan, valve, sweep)))
        self.do(*(send() for _, send in self.houses), *(valve(house, now) for house, _ in self.houses))
        self.do(*(job(house, now) for house, _ in self.houses for job in (valve, reconcile)), *(send() for _, send in self.houses))

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def a_provider_misbehaves(self, fault: tuple[str, str], times: int) -> None:
        channel, kind = fault
        self.provider.faults.add(Fault.model_validate({"channel": channel, "kind": kind, "times": times}))

    @rule(rules=st.sampled_from(VARIANTS))
    def operations_change_the_rules(self, rules: str) -> None:
        self.runner.run(configure(self.houses[1][0], self._written(rules)))

    @rule(name=st.sampled_from([None, "promo", "reminder"]), channel=st.sampled_from([None, "push", "email"]), resumed=st.integers(0, 2))
    def somebody_pauses_or_resumes(self, name: str | None, channel: str | None, resumed: int) -> None:
        self.runner.run(self._pause(name, channel, resumed=resumed > 0))

    async def _pause(self, name: str | None, channel: str | None, *, resumed: bool) -> None:
        async with self.house.database.begin() as connection:
            if resumed:
                await versions.resume(connection, campaign=None, channel=None, everything=True)
            else:
                await versions.pause(connection, campaign=name, channel=channel, reason="", by="oncall", now=self.clock.now())

    @rule(who=st.integers(0, 2), channel=st.sampled_from(["push", "email"]))
    def a_customer_opts_out(self, who: int, channel: str) -> None:
        self.runner.run(self._opt_out(self.people[who % len(self.people)], channel))

    async def _opt_out(self, person_id: int, channel: str) -> None:
        async with self.house.database.begin() as connection:
            await suppressions.speak(connection, "opt_out", [(person_id, channel, "test")], self.clock.now(), Source.OPERATOR)

    @rule()
    def a_worker_dies_with_a_chunk_in_its_hands(self) -> None:
        self.do(*(valve(house, self.clock.now()) for house, _ in self.houses))
        self.runner.run(self._claimed_and_forgotten())

    async def _claimed_and_forgotten(self) -> None:
        now = self.clock.now()
        for row in await rows(self.house.database, "SELECT DISTINCT chunk_id FROM messages WHERE status = 'released'"):
            async with self.house.database.begin() as connection:
                await outbox.claim(
                    connection, chunk=row.chunk_id, limit=2, sort="push", offers=["promo"], now=now, lease_until=now + timedelta(minutes=2)
                )


@pytest.mark.parametrize("share", range(2))
def test_two_houses_never_break_a_rule_and_lose_nothing(server: str, template: str, share: int) -> None:
    class Here(Houses):
        pass

    Here.server, Here.template = server, template
    run_state_machine_as_test(
        Here,
        settings=settings(max_examples=8, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck), database=None),
    )
