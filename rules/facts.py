"""What the rules judge by: frozen facts about one message, one person, and what that person got before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from config.models import Category, Rules
from config.values import OpenHours


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to on one channel. hours: when offers may come besides the lawful hours; None = nothing recorded."""

    marketing: bool
    hours: OpenHours | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """zone: IANA name. contact_hours: the person's own hours, None = any. reachable: channels with a live address."""

    id: int
    zone: str
    contact_hours: OpenHours | None
    consents: Mapping[str, Consent]
    opted_out: frozenset[str]
    reachable: frozenset[str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A queued message. channels: one, or several of which the first reachable is taken. window: None = none applies.

    queued_at:   when it was planned; a digest joins messages by it
    queue_until: when its patience with the rules ends; None = only with `expires_at`
    ready_at:    not before: a retry or an earlier deferral waits for this; None = now
    """

    id: int
    person_id: int
    run_id: int
    campaign: str
    channels: tuple[str, ...]
    category: str
    topic: str | None
    priority: int
    window_name: str
    window: OpenHours | None
    expires_at: datetime
    queued_at: datetime | None = None
    queue_until: datetime | None = None
    ready_at: datetime | None = None

    @property
    def deadline(self) -> datetime:
        """From here on it goes no more."""
        return self.expires_at if self.queue_until is None else min(self.expires_at, self.queue_until)


class Contact(NamedTuple):
    """A message that counts against others. `at` is when it was sent; of one that is on its way, the moment of the judgement.

    It is released, sending, sent or unknown; or it waits again, and an attempt at `at` may have reached the customer.
    inside: id of the message it went inside of, which is the contact: only its topic counts. 0 = it went by itself
    """

    message_id: int
    run_id: int
    channel: str
    category: str
    topic: str | None
    at: datetime
    inside: int = 0


class Code(StrEnum):
    """Why a message waits or will never go. The order is the order of the checks."""

    OPTED_OUT = "opted_out"
    NO_CONSENT = "no_consent"
    NO_HOURS_CONSENT = "no_hours_consent"
    NO_ADDRESS = "no_address"
    EXPIRED = "expired"
    NO_WINDOW = "no_window"
    OUTSIDE_WINDOW = "outside_window"
    SAME_TOPIC = "same_topic"
    GAP = "gap"
    CAP = "cap"
    PENDING_HIGHER_PRIORITY = "pending_higher_priority"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class Reason:
    """detail names what stood in the way: a window, a cap, the other message's id."""

    code: Code
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.code}:{self.detail}" if self.detail else str(self.code)


@dataclass(frozen=True, slots=True)
class Release:
    channel: str


@dataclass(frozen=True, slots=True)
class Defer:
    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Suppress:
    reason: Reason


Verdict = Release | Defer | Suppress


@dataclass(frozen=True, slots=True)
class Merge:
    """It goes inside another message, the carrier, by the carrier's channel."""

    carrier_id: int
    channel: str

    @property
    def reason(self) -> str:
        return f"digest:{self.carrier_id}"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force and what the registry says of channels. lookback: how far history matters at all."""

    rules: Rules
    personal: frozenset[str]  # channels on which offers fall under the law's hours
    needs_address: frozenset[str]
    lookback: timedelta
    uncounted: frozenset[str] = frozenset()  # categories whose messages use up no cap

    def category(self, name: str) -> Category:
        """A category that rules.yaml no longer has keeps every check and no privilege."""
        return self.rules.categories.get(name, _NO_PRIVILEGE)


_NO_PRIVILEGE = Category(offer=True)
