"""What an answer says beyond its own message: to the account, the person, the campaign or the channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SlowDown:
    """The provider asks for less: nobody sends on this account, or to that receiving domain, for `after`. alert: a person must look."""

    after: timedelta
    domain: str | None = None
    alert: bool = False


@dataclass(frozen=True, slots=True)
class HoldPerson:
    """The provider asks to leave this person alone on this channel for `after`: with every message, or with offers."""

    after: timedelta
    offers_only: bool = False


@dataclass(frozen=True, slots=True)
class StopCampaign:
    """Our content is wrong for every recipient of this campaign on this channel."""

    code: str


@dataclass(frozen=True, slots=True)
class StopChannel:
    """The account cannot send at all (credentials, billing, disabled), or not to the devices of one platform."""

    code: str
    platform: str | None = None


Signal = SlowDown | HoldPerson | StopCampaign | StopChannel
