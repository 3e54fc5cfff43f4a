"""One line of a provider's error table as data, and the outcome it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from channels.base import Envelope, Outcome, Rejected, Retry, Unknown
from channels.signals import HoldPerson, Signal, SlowDown, StopCampaign, StopChannel
from config.redaction import MASK, scrub

DETAIL_LIMIT = 200
LONGEST = 4_000  # of a provider's words are looked at
SHORTEST = 3  # a text of so few characters is in every sentence
_IDENTIFIER = re.compile(r"[a-z0-9_.-]*")  # template names, codes of languages


class Do(StrEnum):
    RETRY = "retry"
    REJECT = "reject"
    UNKNOWN = "unknown"


class Stop(StrEnum):
    CAMPAIGN = "campaign"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error code means for the message (`do`, `after`), its person (`hold`, `suspect`) and its neighbours (`slow`, `stop`).

    slow_domain: only the receiving domain asks for less, not the account
    alert:       somebody must look into it, too
    """

    do: Do
    after: timedelta | None = None
    slow: timedelta | None = None
    stop: Stop | None = None
    drop_address: bool = False
    opted_out: bool = False
    slow_domain: bool = False
    unreachable: bool = False
    suspect: bool = False
    hold: HoldPerson | None = None
    alert: bool = False

    @property
    def elsewhere(self) -> bool:
        """As of Rejected: whether the same message may be wanted by another channel."""
        return self.unreachable or self.drop_address or self.opted_out

    def outcome(self, code: str, detail: str = "", wish: timedelta | None = None, domain: str | None = None) -> Outcome:
        """`wish` is the provider's own Retry-After and beats the table's times. `domain`: whom the message was for."""
        signal = self.signal(code, wish, domain)
        match self.do:
            case Do.RETRY:
                return Retry(code, wish or self.after, signal, detail)
            case Do.REJECT:
                return Rejected(code, self.drop_address, self.opted_out, signal, detail, self.unreachable, self.suspect)
            case Do.UNKNOWN:
                return Unknown(code, signal, detail)

    def signal(self, code: str, wish: timedelta | None = None, domain: str | None = None) -> Signal | None:
        """What it means for others than the message."""
        match self.stop:
            case Stop.CAMPAIGN:
                return StopCampaign(code)
            case Stop.CHANNEL:
                return StopChannel(code)
        if self.hold is not None:
            return replace(self.hold, after=max(wish, self.hold.after)) if wish else self.hold
        return SlowDown(wish or self.slow, domain if self.slow_domain else None, self.alert) if self.slow is not None else None


RETRY = Verdict(Do.RETRY)
REJECT = Verdict(Do.REJECT)
UNKNOWN = Verdict(Do.UNKNOWN)
# The person is not there on this channel; a message with another one to fall back on takes that.
UNREACHABLE = Verdict(Do.REJECT, unreachable=True)
DROP_ADDRESS = Verdict(Do.REJECT, drop_address=True)
OPTED_OUT = Verdict(Do.REJECT, opted_out=True)
# The content is at fault for everyone, so the message itself is refused for good.
STOP_CAMPAIGN = Verdict(Do.REJECT, stop=Stop.CAMPAIGN)
# The account is at fault, not the message: it waits until the account works again.
STOP_CHANNEL = Verdict(Do.RETRY, stop=Stop.CHANNEL)


def slow_down(seconds: float) -> Verdict:
    """Try again, everybody a little later."""
    return Verdict(Do.RETRY, slow=timedelta(seconds=seconds))


def clip(text: str, envelope: Envelope | None = None) -> str:
    """A provider's words fit for a log: one short line without what it was told of the person, and without secrets."""
    # Longest first, so that no rest of one stays when another is a part of it.
    for private in sorted(set(_private(envelope)), key=len, reverse=True) if envelope else ():
        text = re.sub(re.escape(private), MASK, text, flags=re.IGNORECASE)
    return scrub(" ".join(text[:LONGEST].split()))[:DETAIL_LIMIT]


def _private(envelope: Envelope) -> Iterator[str]:
    """The address, in the forms a provider may give it back in, and the words of the message. Plain identifiers are no secret."""
    if envelope.address is not None:
        value = envelope.address.value
        yield from (value, value.lstrip("+")) if len(value.lstrip("+")) >= SHORTEST else (value,)
    yield from (text for text in _texts(envelope.content.model_dump()) if len(text) >= SHORTEST and not _IDENTIFIER.fullmatch(text))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (value, *value.split("\n"))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
