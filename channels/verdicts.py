"""One line of a provider's error table as data, and the outcome it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from channels.base import Outcome, Rejected, Retry, Signal, SlowDown, StopCampaign, StopChannel, Unknown

DETAIL_LIMIT = 200


class Do(StrEnum):
    RETRY = "retry"
    REJECT = "reject"
    UNKNOWN = "unknown"


class Stop(StrEnum):
    CAMPAIGN = "campaign"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error code means for the message (`do`, `after`) and for its neighbours (`slow`, `stop`)."""

    do: Do
    after: timedelta | None = None
    slow: timedelta | None = None
    stop: Stop | None = None
    drop_address: bool = False
    opted_out: bool = False
    unreachable: bool = False

    def outcome(self, code: str, detail: str = "", wish: timedelta | None = None) -> Outcome:
        """`wish` is the provider's own Retry-After and beats the table's times."""
        signal = self._signal(code, wish)
        match self.do:
            case Do.RETRY:
                return Retry(code, wish or self.after, signal, detail)
            case Do.REJECT:
                return Rejected(code, self.drop_address, self.opted_out, signal, detail, self.unreachable)
            case Do.UNKNOWN:
                return Unknown(code, signal, detail)

    def _signal(self, code: str, wish: timedelta | None) -> Signal | None:
        match self.stop:
            case Stop.CAMPAIGN:
                return StopCampaign(code)
            case Stop.CHANNEL:
                return StopChannel(code)
        return SlowDown(wish or self.slow) if self.slow is not None else None


RETRY = Verdict(Do.RETRY)
REJECT = Verdict(Do.REJECT)
UNKNOWN = Verdict(Do.UNKNOWN)
# The person is not there on this channel; a message with another one to fall back on takes that.
UNREACHABLE = Verdict(Do.REJECT, unreachable=True)
DROP_ADDRESS = Verdict(Do.REJECT, drop_address=True, unreachable=True)
OPTED_OUT = Verdict(Do.REJECT, opted_out=True, unreachable=True)
# The content is at fault for everyone, so the message itself is refused for good.
STOP_CAMPAIGN = Verdict(Do.REJECT, stop=Stop.CAMPAIGN)
# The account is at fault, not the message: it waits until the account works again.
STOP_CHANNEL = Verdict(Do.RETRY, stop=Stop.CHANNEL)


def slow_down(seconds: float) -> Verdict:
    """Try again, everybody a little later."""
    return Verdict(Do.RETRY, slow=timedelta(seconds=seconds))


def clip(text: str, secret: str = "") -> str:
    """A provider's words fit for a log: one short line in which the person's address is blanked."""
    words = text.replace(secret, "***") if secret else text
    return " ".join(words.split())[:DETAIL_LIMIT]
