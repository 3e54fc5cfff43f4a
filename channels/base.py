"""The contract between Kabar and whoever carries a message: what an adapter gets, what it may answer.

Channels know neither the database nor a clock: times are handed in as durations and answered as durations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from channels.incoming import Inbox, Receipt, Webhook
from channels.signals import Signal
from config.settings import ChannelSettings

T = TypeVar("T")


def expect(kind: type[T], value: object) -> T:
    """The value as the class its channel registered. A mix-up of channels is our own fault: raises TypeError."""
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


class Content(BaseModel):
    """What a template says on one channel. Every string in it is a Jinja template until it is rendered."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    # Fields rendered with HTML autoescape; all others are plain text.
    html_fields: ClassVar[frozenset[str]] = frozenset()
    # Which of delivered, read and clicked somebody tells of a message on this channel.
    tells: ClassVar[frozenset[str]] = frozenset()

    def prepared(self) -> Content:
        """The same content after the work that is the same for every person (Markdown to HTML), done once a variant."""
        return self

    def destinations(self) -> Sequence[str]:
        """Where the links lead whose clicks can be counted, in their order; filled in once the content is."""
        return ()

    def linked(self, links: Sequence[str]) -> Content:
        """The same content with these links instead, one for each of the destinations. What was filled in last of all."""
        return self

    def summary(self) -> str:
        """One line a person recognises the message by, for previews."""
        raise TypeError(f"{type(self).__name__} must say its summary")

    def in_brief(self) -> tuple[str, str]:
        """(title, what else it says or an empty text): how a digest shows it, rendered."""
        return self.summary(), ""

    def registered_as(self) -> str | None:
        """What the provider calls the approved text behind this, where it approves texts and later speaks of them by name."""
        return None


@dataclass(frozen=True, slots=True)
class Address:
    """Where one person is reached on one channel. `kind` is the channel's own: token or fid, phone or bsuid, email."""

    id: int
    kind: str
    value: str
    platform: str | None = None


def domain_of(address: str) -> str | None:
    """The receiving domain of an e-mail address in small letters, as SlowDown names it; None for addresses of other kinds."""
    _, at, domain = address.rpartition("@")
    return domain.lower() if at else None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One attempt to hand one message to a provider.

    key:        our id as the provider sees it (collapse id, Message-ID, opaque callback data); the same on every attempt
    address:    None on channels that need none (pop-up)
    content:    rendered; an instance of what the channel's Content.prepared() returns
    ttl:        how long the message is still worth something
    unsubscribe: one-click link for this person and channel, where the category is an offer
    preferences: link to the page where this person chooses, beside it
    seal:        short proof that the key is ours, in small letters and digits, for where anybody may answer to it (mail)
    """

    message_id: int
    key: str
    person_id: int
    campaign: str
    category: str
    priority: int
    locale: str
    content: Content
    ttl: timedelta
    address: Address | None = None
    unsubscribe: str | None = None
    preferences: str | None = None
    seal: str | None = None


# --- what an adapter answers: a closed set -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has accepted the message."""

    provider_id: str
    signal: Signal | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Surely not accepted; may work later. `after` is the provider's own wish, None leaves it to our backoff.

    doubtful: it may have been accepted all the same, and a repeat is safe: only where the channel says `repeat_is_safe`.
    """

    code: str
    after: timedelta | None = None
    signal: Signal | None = None
    detail: str = ""
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused for good.

    drop_address: the address itself is dead
    opted_out:    the person said no at the provider
    unreachable:  the person is not there on this channel, and another may do; either of the two above says so, too
    suspect:      the address may be dead; it is dropped when other messages to it are refused so on other days, and none arrives
    """

    code: str
    drop_address: bool = False
    opted_out: bool = False
    signal: Signal | None = None
    detail: str = ""
    unreachable: bool = False
    suspect: bool = False

    @property
    def elsewhere(self) -> bool:
        """Whether the same message may be wanted by another channel."""
        return self.unreachable or self.drop_address or self.opted_out


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have gone out: the connection broke after the request left."""

    code: str
    signal: Signal | None = None
    detail: str = ""


Outcome = Sent | Retry | Rejected | Unknown


class Adapter(Protocol):
    """One provider account. `send` never raises for what a provider or network does, and ends within its deadline."""

    async def start(self) -> None:
        """Open pools. Called once inside the running loop, before the first send. Raises ValueError naming a file it cannot use."""

    async def send(self, envelope: Envelope) -> Outcome:
        """Hand one message over. Safe to call concurrently."""

    async def close(self) -> None:
        """Close pools; idempotent."""


@dataclass(frozen=True, slots=True)
class PopupItem:
    """A rendered pop-up as it waits for the app."""

    message_id: int
    person_id: int
    content: Mapping[str, object]
    ttl: timedelta


@dataclass(frozen=True, slots=True)
class Ports:
    """What the house lends to adapters that need more than a network."""

    put_popup: Callable[[PopupItem], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of the registry: everything the house must know about a channel.

    addresses:       the customer-file address this channel uses ("push", "phone", "email"), None = needs none
    every_address:   one attempt for each active address instead of the first (push: each device)
    repeat_is_safe:  the receiver collapses a second copy by our key, so a doubtful send may be repeated
    personal:        offers on it fall under the rules for personal channels (POJK 6/2022 art. 25)
    kinds:           the kinds of its addresses, the preferred first; those not named come last
    spacing:         the least time between two messages to one person, whatever they are; None = any
    quota:           settings → how many different people in any 24 hours, None = any number; not set = nobody counts
    reports:         reads what the customers' app tells by way of its back end (with the API key), as the web kept it
    means:           a code as it is kept with an attempt → what its error table says of it; None = it is in no table
    excess:          what of a filled-in message is more than the provider takes, in words; None = it fits
    """

    name: str
    content: type[Content]
    settings: type[ChannelSettings]
    adapter: Callable[[ChannelSettings, Ports], Adapter]
    addresses: str | None
    every_address: bool = False
    repeat_is_safe: bool = False
    personal: bool = True
    kinds: tuple[str, ...] = ()
    spacing: timedelta | None = None
    quota: Callable[[ChannelSettings], int | None] | None = None
    webhook: Webhook | None = None
    reports: Callable[[bytes], Sequence[Receipt]] | None = None
    means: Callable[[str], Outcome | None] = lambda code: None
    excess: Callable[[Envelope], str | None] = lambda envelope: None
    inbox: Inbox | None = None
    missing: Callable[[ChannelSettings], Sequence[str]] = field(default=lambda _: ())
