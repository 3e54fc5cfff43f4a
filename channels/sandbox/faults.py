"""Faults on demand: which attempt is answered wrongly, late or not at all, decided the same way in every run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from channels.sandbox.errors import FCM
from channels.sandbox.returns import COMPLAINT
from channels.sandbox.tally import Tally, draw

LATENCY, DROP_BEFORE, DROP_AFTER, GARBAGE, HANG = "latency", "drop_before", "drop_after", "garbage", "hang"
MISCHIEF = frozenset({LATENCY, DROP_BEFORE, DROP_AFTER, GARBAGE, HANG})

ChannelName = Literal["push", "whatsapp", "email"]
Stage = Literal["answer", "webhook", "rcpt", "data", "bounce"]

_CODES = {
    "push": (re.compile("|".join(FCM)), f"one of {', '.join(FCM)}"),
    "whatsapp": (re.compile(r"\d{1,6}"), "a Meta error code such as 131026"),
    "email": (re.compile(r"[45]\d\d( [\x20-\x7e]+)?|complaint"), "an SMTP reply such as 550 5.1.1 User unknown"),
}
_STAGES: dict[str, tuple[Stage, ...]] = {"push": ("answer",), "whatsapp": ("answer", "webhook"), "email": ("rcpt", "data", "bounce")}


class Rule(BaseModel):
    """One fault.

    kind:        the provider's error code, or latency | drop_before | drop_after | garbage | hang
    share:       of the attempts it could strike, by a hash of address, message key and attempt number
    address:     exact or a glob; None = everybody
    times:       only the first n attempts it strikes per address
    retry_after: seconds the answer asks for (HTTP header)
    ms:          how long `latency` takes
    stage:       email: rcpt (default), data, after the final dot, or bounce: taken, and sent back later;
                 whatsapp: answer (default) or webhook, a later `failed` status
    accepts:     whether the customer gets the message all the same; only drop_after does unless told
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: ChannelName
    kind: str
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    address: str | None = None
    times: PositiveInt | None = None
    retry_after: NonNegativeFloat | None = None
    ms: NonNegativeInt = 0
    stage: Stage | None = None
    accepts: bool | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        pattern, wanted = _CODES[self.channel]
        if self.kind not in MISCHIEF and not pattern.fullmatch(self.kind):
            raise ValueError(f'kind "{self.kind}" is neither {wanted} nor one of {", ".join(sorted(MISCHIEF))}')
        if self.stage is not None and self.stage not in _STAGES[self.channel]:
            raise ValueError(f'stage "{self.stage}": {self.channel} has {", ".join(_STAGES[self.channel])}')
        if self.stage == "webhook" and self.kind in MISCHIEF:
            raise ValueError(f'stage "webhook" tells a Meta error code, not "{self.kind}"')
        if (self.kind == COMPLAINT and self.stage != "bounce") or (self.stage == "bounce" and self.kind in MISCHIEF):
            raise ValueError('stage "bounce" sends back an SMTP reply or a "complaint", and a complaint comes at no other stage')
        if (self.kind == LATENCY) != (self.ms > 0):
            raise ValueError("ms goes with latency, and latency needs it")
        return self

    @property
    def moment(self) -> Stage:
        """The point of the exchange it strikes at."""
        if self.channel == "email" and self.kind == DROP_AFTER:
            return "data"
        return self.stage or _STAGES[self.channel][0]

    @property
    def accepted(self) -> bool:
        """Whether the customer gets the message although the answer says otherwise, or is missing."""
        return self.kind == DROP_AFTER if self.accepts is None else self.accepts


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one attempt."""

    fired: tuple[Rule, ...] = ()

    def at(self, stage: Stage) -> Rule | None:
        return next((rule for rule in self.fired if rule.moment == stage and rule.kind != LATENCY), None)

    def delay(self, stage: Stage) -> float:
        """Seconds to wait before answering."""
        return sum(rule.ms for rule in self.fired if rule.moment == stage and rule.kind == LATENCY) / 1000


CLEAR = Verdict()


class Faults:
    """The rules in force. The first that strikes wins; latencies add up and let the next rule have its say.

    Attempts are counted from the moment the rules were set, so the same rules on the same traffic fault the same messages.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._rules: tuple[Rule, ...] = ()
        self._attempts = Tally()
        self._strikes = Tally()

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self._rules

    def replace(self, rules: Iterable[Rule]) -> None:
        """Put these in force instead of all others, and start counting attempts afresh."""
        self._rules = tuple(rules)
        self._attempts.clear()
        self._strikes.clear()

    def add(self, rule: Rule) -> None:
        """One more rule, after the others; counts go on."""
        self._rules = (*self._rules, rule)

    def clear(self) -> None:
        self.replace(())

    def judge(self, channel: ChannelName, address: str, key: str) -> Verdict:
        """Decide one attempt to send the message `key` to `address`."""
        if not self._rules:
            return CLEAR
        attempt = self._attempts.add(channel, address, key)
        fired: list[Rule] = []
        taken: set[Stage] = set()
        for number, rule in enumerate(self._rules):
            if rule.channel != channel or (rule.kind != LATENCY and rule.moment in taken):
                continue
            if self._hits(number, rule, address, key, attempt):
                fired.append(rule)
                if rule.kind != LATENCY:
                    taken.add(rule.moment)
        return Verdict(tuple(fired))

    def _hits(self, number: int, rule: Rule, address: str, key: str, attempt: int) -> bool:
        if rule.address is not None and not (rule.address == address or fnmatchcase(address, rule.address)):
            return False
        if rule.share < 1 and draw(self._seed, rule.kind, address, key, attempt) >= rule.share:
            return False
        return rule.times is None or self._strikes.add(str(number), address) <= rule.times
