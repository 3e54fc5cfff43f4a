"""Examples that are played: campaigns and customers on the real path and the real database, by a virtual clock in Jakarta."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field
from sqlalchemy import Row

from channels.sandbox.faults import Rule
from config.strict import Names, Strict
from jobs.interactions import Interaction, interact
from jobs.links import message_key
from jobs.popups import offer
from jobs.withdrawal import opt_out
from store import events, versions
from tests.core.conftest import Stage
from tests.worked.clock import read_time, show_time
from tests.worked.page import Block, Written, common, laid_over, rules
from tests.worked.usual import HELLO, usual
from tests.world import ALL_CHANNELS, configure, person, rows

COMPANY = "Asia/Jakarta"
_MESSAGES = """
    SELECT m.id, p.name, r.campaign, m.channel, m.status, m.reason, m.next_attempt_at, m.carrier_id,
           count(*) OVER (PARTITION BY m.run_id, m.person_id, m.event_ref) AS ways, m.trail @> '[{"is": "moved_on"}]' AS moved
    FROM messages m JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id ORDER BY m.id"""


def _nothing(value: object) -> object:
    return {} if value is None else value


class Customer(Strict):
    """Unless said otherwise: a regular of Jakarta, reachable everywhere, and agreed to offers everywhere and at any hour."""

    timezone: str | None = None
    portfolio_value: int | None = 100_000_000
    contact_hours: str | None = None
    consents: Mapping[str, Mapping[str, Any]] = {name: {"marketing": True, "hours": "always"} for name in ALL_CHANNELS}
    reachable: Names = ("push", "phone", "email")


class Step(Strict):
    """Play until `at`, then let happen what is written, then see what `then` says of the messages it names."""

    at: str | None = None
    rules: Mapping[str, Any] | None = None
    campaigns: Mapping[str, Mapping[str, Any]] | None = None
    pause: str | None = None
    resume: str | None = None
    opts_out_of: str | None = None
    happens: str | None = None
    provider: Rule | None = None
    app_shows: str | None = None
    app_dismisses: str | None = None
    opens: str | None = None
    then: Mapping[str, str] = {}


class Played(Strict):
    """campaigns: by name, what differs from the usual. templates: besides `hello`. approved: false = no offer is approved yet."""

    rules: Mapping[str, Any] = {}
    segments: Mapping[str, str] = {}
    campaigns: Mapping[str, Annotated[Mapping[str, Any], BeforeValidator(_nothing)]]
    templates: Mapping[str, Any] = {}
    customers: Mapping[str, Annotated[Customer, BeforeValidator(_nothing)]] = {"Ani": Customer()}
    approved: bool = True
    play: Annotated[Sequence[Step], Field(min_length=1)]


class Play:
    """One example on the stage."""

    def __init__(self, block: Block, stage: Stage) -> None:
        self.example = Played.model_validate(block.written)
        self._stage, self._people = stage, dict[str, int]()
        self._rules, self._campaigns = rules(self.example.rules), dict(self.example.campaigns)

    async def run(self) -> list[tuple[Mapping[str, str], dict[str, str]]]:
        """For each step what the example says, and what became of the same messages."""
        for number, (name, customer) in enumerate(self.example.customers.items(), 1):
            changes = customer.model_dump(exclude={"reachable"})
            self._people[name] = await person(self._stage.house.database, number, sorts=customer.reachable, name=name, **changes)
        await self._configure()
        found = []
        for step in self.example.play:
            await self._step(step)
            said = await self._said()
            found.append((step.then, {name: said.get(name, "no message") for name in step.then}))
        return found

    async def _configure(self) -> None:
        files: dict[str, Written] = {name: written for name, written in common().items() if name != "rules.yaml"}
        files["rules.yaml"] = self._rules
        files["segments.yaml"] = laid_over(files["segments.yaml"], {"segments": self.example.segments})
        for name, changes in self._campaigns.items():
            files[f"schedules/{name}.yaml"] = usual(name, changes)
        for name, variants in self.example.templates.items():
            files[f"templates/{name}.yaml"] = {"template": name, "variants": variants}
        written = {path: json.dumps(file) for path, file in files.items()}
        await configure(self._stage.house, written | {"templates/hello.yaml": HELLO}, approve=self.example.approved)

    async def _step(self, step: Step) -> None:
        if step.at:
            await self._stage.until(f"{read_time(step.at, COMPANY).astimezone(ZoneInfo(COMPANY)):%Y-%m-%d %H:%M}")
        await self._change(step)
        await self._happen(step)
        await self._stage.now()
        if step.app_shows:
            assert await self._shown() == step.app_shows

    async def _change(self, step: Step) -> None:
        if step.rules is not None or step.campaigns is not None:
            self._rules = laid_over(self._rules, step.rules or {})
            self._campaigns |= step.campaigns or {}
            await self._configure()
        async with self._stage.house.database.begin() as connection:
            if step.pause:
                await versions.pause(connection, campaign=step.pause, channel=None, reason="", by="dewi", now=self._stage.clock.now())
            if step.resume:
                await versions.resume(connection, campaign=step.resume, channel=None, everything=False)

    async def _happen(self, step: Step) -> None:
        """To or by every customer of the example."""
        now = self._stage.clock.now()
        if step.provider:
            self._stage.provider.faults.add(step.provider)
        async with self._stage.house.database.begin() as connection:
            for number, person_id in enumerate(self._people.values(), 1):
                if step.opts_out_of:
                    await opt_out(self._stage.house, connection, [(person_id, step.opts_out_of, "example")], now)
                if step.happens:
                    name, customer_no = step.happens, f"C{number:06}"
                    await events.add(connection, event_id=str(uuid4()), name=name, customer_no=customer_no, data={}, now=now)
        if step.app_dismisses:
            await self._app_tells(step.app_dismisses, "dismiss")
        if step.opens:
            await self._opened(step.opens)

    async def _shown(self) -> str:
        """The app of the only customer asks, and shows what it is given."""
        [person_id] = self._people.values()
        given = (await offer(self._stage.house, person_id, "app_open", self._stage.clock.now())).item
        if given is None:
            return "nothing"
        await self._app_tells(given.campaign, "impression")
        return str(given.campaign)

    async def _app_tells(self, campaign: str, kind: str) -> None:
        now = self._stage.clock.now()
        [message] = [row for row in await self._messages() if row.campaign == campaign and row.channel == "popup"]
        await interact(self._stage.house, None, [Interaction(str(uuid4()), message_key(message.id), kind, now)], now)

    async def _opened(self, name: str) -> None:
        """The customer taps on the message of this name; where it is one of several in its run, on the first."""
        now = self._stage.clock.now()
        [message, *_] = [row for row in await self._messages() if self._name(row).partition(" by ")[0] == name]
        await interact(self._stage.house, None, [Interaction(str(uuid4()), message_key(message.id), "open", now)], now)

    async def _messages(self) -> list[Row[Any]]:
        return await rows(self._stage.house.database, _MESSAGES)

    async def _said(self) -> dict[str, str]:
        """Name of each message → its state, as the page says it."""
        found = await self._messages()
        names = {row.id: self._name(row) for row in found}
        return {names[row.id]: _state(row, names) for row in found}

    def _name(self, row: Row[Any]) -> str:
        whose = f"{row.name}, " if len(self._people) > 1 else ""
        return f"{whose}{row.campaign}{f' by {row.channel}' if row.ways > 1 else ''}"


def _state(row: Row[Any], names: Mapping[int, str]) -> str:
    code, _, detail = (row.reason or "").partition(":")
    reason = f"{code}:{names[int(detail)]}" if detail.isdigit() and int(detail) in names else row.reason
    match row.status:
        case "deferred":
            return f"waits until {show_time(row.next_attempt_at, COMPANY)} ({reason})"
        case "suppressed":
            return f"never ({reason})"
        case "merged":
            return f"inside {names[row.carrier_id]}"
    return f"{row.status} by {row.channel}" if row.moved else f"{row.status}"
