"""Examples of decisions: one customer, what they got, what waits, and what the rules say of it at one moment or several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from channels.registry import CHANNELS
from config.models import Channels, Rules
from config.strict import Names, Strict, Zone
from config.values import ALWAYS, WeeklyHours
from rules.arbitration import arbitrate
from rules.facts import Candidate, Consent, Contact, Defer, Person, Policy, Reason, Release, Suppress, Verdict
from rules.policy import policy
from tests.worked.clock import read_time, show_time
from tests.worked.hours import calendar_of
from tests.worked.page import Block, rules

_WEEK = timedelta(days=7)


class Given(Strict):
    """Consent on one channel, as in a customer file."""

    marketing: bool = True
    hours: WeeklyHours | None = None


_AGREED = dict.fromkeys(CHANNELS, Given(hours=ALWAYS))


class Customer(Strict):
    """Unless said otherwise: of Jakarta, reachable everywhere, and agreed to offers everywhere and at any hour."""

    timezone: Zone | None = None
    contact_hours: WeeklyHours | None = None
    consents: Mapping[str, Given] = _AGREED
    opted_out: Names = ()
    reachable: Names = tuple(CHANNELS)


class Got(Strict):
    """at: when it was sent. by: several channels are one run."""

    at: str
    by: Names = ("push",)
    category: str = "reminder"
    topic: str | None = None


class Waits(Strict):
    """by: as `channels` of a campaign. run: of which campaign it is, if not of its own. ready: a retry that is due then."""

    category: str = "reminder"
    by: Channels = Channels(all=("push",))
    topic: str | None = None
    window: str = "after-office"
    expires: str | None = None
    queue_until: str | None = None
    ready: str | None = None
    run: str | None = None


class Judged(Strict):
    """then: moment → what becomes of each message that is looked at then; what was released at one moment is history at the next."""

    rules: Mapping[str, Any] = {}
    customer: Customer = Customer()
    got: Mapping[str, Got] = {}
    waiting: Mapping[str, Annotated[Waits, BeforeValidator(lambda value: {} if value is None else value)]]
    room: Mapping[str, int] = {}
    then: Annotated[Mapping[str, Mapping[str, str]], Field(min_length=1)]


class Case:
    """One example with its facts, told on to each of its moments."""

    def __init__(self, block: Block) -> None:
        self.example = Judged.model_validate(block.written)
        self._rules = Rules.model_validate(rules(self.example.rules))
        self._zone = self.example.customer.timezone or self._rules.timezone
        self._policy = _policy(self._rules)
        self._calendar = calendar_of(self._rules.holidays)
        self._person = _person(self.example.customer, self._zone)
        self._runs = {name: number for number, name in enumerate([*self.example.got, *self.example.waiting], 1)}
        self._names: dict[int, str] = {}
        self._history = [each for name, got in self.example.got.items() for each in self._contacts(name, got)]
        self._waiting = [each for name, waits in self.example.waiting.items() for each in self._candidates(name, waits)]

    def told(self) -> dict[str, dict[str, str]]:
        """The example's `then`, as the rules have it."""
        moments = {moment: read_time(moment, self._zone) for moment in self.example.then}
        assert list(moments.values()) == sorted(moments.values())
        return {moment: self._at(now) for moment, now in moments.items()}

    def _at(self, now: datetime) -> dict[str, str]:
        looked_at = [each for each in self._waiting if each.ready_at is None or each.ready_at <= now]
        rivals = [each for each in self._waiting if each not in looked_at]
        history = {self._person.id: self._history}
        decisions = arbitrate(
            looked_at, {self._person.id: self._person}, history, self._policy, self._calendar, now, self.example.room, rivals
        )
        said = {self._names[candidate.id]: self._say(candidate, verdict) for candidate, verdict in decisions}
        for candidate, verdict in decisions:
            self._carry_out(candidate, verdict, now)
        return said

    def _carry_out(self, candidate: Candidate, verdict: Verdict | None, now: datetime) -> None:
        if isinstance(verdict, Release):
            self._history = [*self._history, _contact(candidate, verdict.channel, now)]
        if verdict is not None:
            self._waiting.remove(candidate)
        if isinstance(verdict, Defer):
            self._waiting.append(_ready(candidate, verdict.until))

    def _say(self, candidate: Candidate, verdict: Verdict | None) -> str:
        match verdict:
            case Release(channel):
                return f"goes by {channel}" if len(candidate.channels) > 1 else "goes"
            case Defer(until, reason):
                return f"waits until {show_time(until, self._zone)} ({self._why(reason)})"
            case Suppress(reason):
                return f"never ({self._why(reason)})"
            case None:
                return "stays queued"

    def _why(self, reason: Reason) -> str:
        """With the name of a message in place of its number."""
        return f"{reason.code}:{self._names[int(reason.detail)]}" if reason.detail.isdigit() else str(reason)

    def _named(self, name: str) -> int:
        self._names[len(self._names) + 1] = name
        return len(self._names)

    def _contacts(self, name: str, got: Got) -> list[Contact]:
        at, run = read_time(got.at, self._zone), self._runs[name]
        return [Contact(self._named(name), run, channel, got.category, got.topic, at) for channel in got.by]

    def _candidates(self, name: str, waits: Waits) -> list[Candidate]:
        """One message a channel; one in all where the first is taken."""
        ways = [waits.by.first] if waits.by.first else [(channel,) for channel in waits.by.all]
        return [self._candidate(name if len(ways) == 1 else f"{name} by {way[0]}", name, way, waits) for way in ways]

    def _candidate(self, shown: str, name: str, way: tuple[str, ...], waits: Waits) -> Candidate:
        first = read_time(next(iter(self.example.then)), self._zone)
        return Candidate(
            id=self._named(shown),
            person_id=self._person.id,
            run_id=self._runs[waits.run or name],
            campaign=name,
            channels=way,
            category=waits.category,
            topic=waits.topic,
            priority=self._rules.categories[waits.category].priority,
            window_name=waits.window,
            window=self._rules.windows.get(waits.window),
            expires_at=self._time(waits.expires) or first + _WEEK,
            queue_until=self._time(waits.queue_until),
            ready_at=self._time(waits.ready),
        )

    def _time(self, text: str | None) -> datetime | None:
        return read_time(text, self._zone) if text else None


def _policy(rules: Rules) -> Policy:
    return policy(
        rules,
        personal=[name for name, channel in CHANNELS.items() if channel.personal],
        needs_address=[name for name, channel in CHANNELS.items() if channel.addresses],
    )


def _person(customer: Customer, zone: str) -> Person:
    consents = {channel: Consent(given.marketing, given.hours) for channel, given in customer.consents.items()}
    return Person(1, zone, customer.contact_hours, consents, frozenset(customer.opted_out), frozenset(customer.reachable))


def _contact(candidate: Candidate, channel: str, at: datetime) -> Contact:
    return Contact(candidate.id, candidate.run_id, channel, candidate.category, candidate.topic, at)


def _ready(candidate: Candidate, at: datetime) -> Candidate:
    return replace(candidate, ready_at=at)
