"""What comes back later: the facts that a provider or the app tells, and how they come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from channels.alias import Alias
from channels.signals import Signal
from config.settings import ChannelSettings


class ReceiptKind(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    CLICKED = "clicked"
    DISMISSED = "dismissed"
    FAILED = "failed"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    REPLIED = "replied"
    ERROR = "error"  # the app could not show it
    MOVED = "moved"  # the person has another address now
    CONTENT = "content"  # the provider stops, or allows, an approved text
    NOTICE = "notice"  # about the account: somebody must read it
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One fact a provider or the app tells later. Names the message by our key or the provider's id, or else a person by address.

    event_id: the sender's own id of the fact, the same each time it is told; None where what is told says which it is
    drop_address, unreachable, signal, suspect: as of Rejected, of a message that failed
    also:    other addresses of the person; MOVED: the new ones, instead of `address`
    subject: CONTENT: Content.registered_as(), which cannot be sent if `stopped`; NOTICE: what it is about. `code`: the provider's word
    seal: what came back as the seal of the envelope; only receipts of an Inbox need one
    """

    kind: ReceiptKind
    at: datetime
    key: str | None = None
    provider_id: str | None = None
    address: str | None = None
    code: str | None = None
    drop_address: bool = False
    text: str | None = None
    unreachable: bool = False
    event_id: str | None = None
    signal: Signal | None = None
    suspect: bool = False
    also: tuple[Alias, ...] = ()
    subject: str | None = None
    stopped: bool = False
    seal: str | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """How a provider's receipts come in: may this be trusted, what does it say, and the greeting some want first.

    verify:    (settings, raw body, lower-case headers) → is it really theirs; over the raw bytes, in constant time
    parse:     raw body → facts; raises ValueError when it is not theirs at all
    challenge: (settings, query) → what to echo, None to refuse
    """

    verify: Callable[[ChannelSettings, bytes, Mapping[str, str]], bool]
    parse: Callable[[bytes], Sequence[Receipt]]
    challenge: Callable[[ChannelSettings, Mapping[str, str]], str | None] = lambda settings, query: None


@dataclass(frozen=True, slots=True)
class Patience:
    """When failures that are no proof that an address is dead become one.

    times, span: so many messages to it failed, the first and the last so far apart, and none arrived between; 0 times = never
    reasons:     last word of the codes that count, such as `mailbox_full`
    """

    times: int
    span: timedelta
    reasons: frozenset[str]


@dataclass(frozen=True, slots=True)
class Inbox:
    """How a channel's receipts are read that come in where anybody may write: believed only with the seal, or from our own addressee.

    parse:    (raw, when it came in) → facts; never raises, an empty list for what says nothing of a message of ours
    patience: how often a message may fail softly
    """

    parse: Callable[[bytes, datetime], Sequence[Receipt]]
    patience: Callable[[ChannelSettings], Patience]
