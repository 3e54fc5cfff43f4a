"""What every job is given: database, clock, channels, configurations. Put together once, in scheduler/bootstrap.py."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Adapter, Channel
from config.accounts import Account as Written
from config.settings import ChannelSettings, Settings
from jobs.catalog import Catalog
from jobs.clock import Clock
from jobs.gate import Gate
from jobs.links import Signer
from jobs.tray import Tray
from jobs.vitals import Vitals
from rules.facts import Person
from store.engine import Database
from store.limits import Limit
from store.messages import Chunk, enqueue
from store.versions import Pause

Holds = tuple[tuple[Pause, ...], frozenset[tuple[str, str]], Sequence[Limit]]
Nudge = Callable[[AsyncConnection, Sequence[Chunk]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Account:
    """One set of credentials with its own limiter row. The default account of a channel has the channel's name.

    written: as channels.yaml has it; None = the default account
    """

    name: str
    channel: Channel
    settings: ChannelSettings
    adapter: Adapter
    written: Written | None = None


@dataclass(slots=True)
class Known:
    """people: by id, as the rules see them. holds: pauses, approvals and accounts, once they were read."""

    people: dict[int, Person] = field(default_factory=dict)
    holds: Holds | None = None


@dataclass(frozen=True)
class House:
    """accounts: by name, those this process can send on; they change with the published configuration

    gate:   what holds this process back
    nudge:  how a released chunk becomes a job
    chance: injected randomness (jitter)
    known:  what was read before, where nobody else writes; None = others write, everything is read anew
    vitals: what of this process is at work
    """

    settings: Settings
    database: Database
    clock: Clock
    channels: Mapping[str, Channel]
    catalog: Catalog
    accounts: dict[str, Account] = field(default_factory=dict)
    signer: Signer = field(default_factory=Signer)
    tray: Tray = field(default_factory=Tray)
    gate: Gate = field(default_factory=Gate)
    nudge: Nudge = enqueue
    chance: random.Random = field(default_factory=random.Random)
    known: Known | None = None
    vitals: Vitals = field(default_factory=Vitals)

    def of(self, channel: str) -> list[Account]:
        """The accounts of one channel."""
        return [account for account in self.accounts.values() if account.channel.name == channel]

    @property
    def carried(self) -> list[str]:
        """The channels this process can send on."""
        return sorted({account.channel.name for account in self.accounts.values()})
