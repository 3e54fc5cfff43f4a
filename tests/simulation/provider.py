"""The providers: they take, refuse, stall and forget as the seed says, and their own log is the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from channels.base import Envelope, Outcome, Rejected, Retry, Sent, Unknown
from channels.signals import SlowDown, StopCampaign, StopChannel
from tests.simulation.conductor import PROCESS, Conductor, SimulatedClock


@dataclass(slots=True)
class Taken:
    """One attempt as its provider saw it. accepted: None until it has decided. failed: it said later that it could not deliver."""

    at: datetime
    account: str
    channel: str
    message: int
    key: str
    to: str
    person: int
    campaign: str
    category: str
    process: str
    accepted: bool | None = None
    answer: str = "none"
    answered_at: datetime | None = None
    slow: timedelta | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What a provider will tell."""

    at: datetime
    source: str
    body: bytes
    about: Taken
    kind: str


@dataclass
class Providers:
    """All of them. trouble: the share of attempts that meet any."""

    chance: Random
    clock: SimulatedClock
    conductor: Conductor
    trouble: float = 0.0
    log: list[Taken] = field(default_factory=list)
    news: list[News] = field(default_factory=list)

    def decide(self, taken: Taken) -> tuple[Outcome, timedelta]:
        wait = timedelta(seconds=self.chance.choice([0.01, 0.05, 0.3, 2.0]))
        sent: Outcome = Sent(f"{taken.channel}-{len(self.log)}")
        taken.accepted = True
        if self.chance.random() >= self.trouble:
            return sent, wait
        if self.chance.random() < 0.15:
            late: list[Outcome] = [sent, Unknown("timeout")]
            return self.chance.choice(late), timedelta(seconds=self.chance.choice([30, 118, 125, 200]))
        outcome, accepted = self.chance.choice(_TROUBLES[taken.channel])
        taken.accepted = self.chance.random() < 0.5 if accepted is None else accepted
        return outcome, wait

    def tell_later(self, taken: Taken) -> None:
        """What the provider of an accepted attempt tells, at its own time, once to three times."""
        if taken.channel not in _NEWS or self.chance.random() < 0.3:
            return
        kinds = self.chance.choice([["delivered"], ["delivered", "read"], ["read", "delivered"], ["failed"], ["failed", "delivered"]])
        for kind in kinds if taken.channel == "whatsapp" else [kind for kind in kinds if kind != "failed"]:
            for _ in range(self.chance.choice([1, 1, 3])):
                at = self.clock.now() + timedelta(seconds=self.chance.choice([0, 1, 20, 100, 1000, 3000]))
                self.news.append(News(at, taken.channel, _NEWS[taken.channel](taken, kind), taken, kind))


@dataclass
class Carrier:
    """An account's adapter."""

    providers: Providers
    account: str
    channel: str

    async def start(self) -> None:
        return

    async def close(self) -> None:
        return

    async def send(self, envelope: Envelope) -> Outcome:
        mine, clock = self.providers, self.providers.clock
        to = envelope.address.value if envelope.address else ""
        taken = Taken(
            clock.now(), self.account, self.channel, envelope.message_id, envelope.key, to, envelope.person_id,
            envelope.campaign, envelope.category, PROCESS.get() or "",
        )  # fmt: skip
        mine.log.append(taken)
        await mine.conductor.step(f"reaches {self.account} with {envelope.key}")
        outcome, wait = mine.decide(taken)
        if taken.accepted:
            mine.tell_later(taken)
        await clock.sleep(wait.total_seconds())
        taken.answer, taken.answered_at = type(outcome).__name__, clock.now()
        if isinstance(outcome.signal, SlowDown):
            taken.slow = outcome.signal.after
        mine.conductor.note(f"{self.account} answers {envelope.key}: {outcome} accepted={taken.accepted}")
        if isinstance(outcome, Unknown) and outcome.code == "raises":
            raise RuntimeError("an adapter must not raise")
        return outcome


_ANY: list[tuple[Outcome, bool | None]] = [
    (Retry("busy"), False),
    (Retry("busy_long", after=timedelta(seconds=90)), False),
    (Retry("slow", signal=SlowDown(timedelta(seconds=20))), False),
    (Retry("slow", signal=SlowDown(timedelta(seconds=20))), False),
    (Rejected("bad"), False),
    (Rejected("gone", drop_address=True), False),
    (Rejected("absent", unreachable=True), False),
    (Rejected("no_more", opted_out=True), False),
    (Rejected("text", signal=StopCampaign("text")), False),
    (Retry("auth", signal=StopChannel("auth")), False),
    (Unknown("cut"), None),
    (Unknown("cut"), None),
    (Unknown("raises"), None),
]
_TROUBLES: Mapping[str, list[tuple[Outcome, bool | None]]] = {
    "push": [*_ANY, (Retry("doubt", doubtful=True), None)],
    "whatsapp": _ANY,
    "email": _ANY,
}


def _push(taken: Taken, kind: str) -> bytes:
    event = f"{taken.key} {taken.to} {kind} {taken.at.timestamp()}"
    said = {"delivered": "received", "read": "open"}[kind]
    return json.dumps({"items": [{"event_id": event, "delivery_id": taken.key, "type": said, "at": taken.at.isoformat()}]}).encode()


def _whatsapp(taken: Taken, kind: str) -> bytes:
    status: dict[str, Any] = {
        "id": f"wamid.{taken.key}",
        "status": kind,
        "timestamp": str(int(taken.at.timestamp())),
        "recipient_id": taken.to.lstrip("+"),
        "biz_opaque_callback_data": taken.key,
    }
    if kind == "failed":
        status["errors"] = [{"code": 131026}]
    return json.dumps({"entry": [{"changes": [{"field": "messages", "value": {"statuses": [status]}}]}]}).encode()


_NEWS: Mapping[str, Callable[[Taken, str], bytes]] = {"push": _push, "whatsapp": _whatsapp}
