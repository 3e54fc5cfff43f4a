"""What an outlook looks at: a configuration from a moment on, and the imaginary customers it is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property

from config.audiences import first_in, possible, ways
from config.loader import Config
from config.models import Campaign
from config.pointer import Pointer
from config.values import ALWAYS, OpenHours
from jobs.catalog import Published
from rules.facts import Candidate, Consent, Person
from rules.localtime import instants
from scheduler.occurrences import MOST as FEW
from scheduler.occurrences import Occurrence, occurrences

HORIZON = timedelta(weeks=8)
MOST = 200  # occurrences of one campaign looked at; what comes every few minutes is judged by its first days

Kind = str | None  # the segment of segment_windows that somebody is in first; None = in none of them


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a campaign's occurrence to an imaginary customer. channel: that it goes by when all are open to it."""

    occurrence: Occurrence
    channel: str
    candidate: Candidate

    @property
    def campaign(self) -> str:
        return self.candidate.campaign


@dataclass(frozen=True)
class Scene:
    """Occurrences are looked at from `now` (aware) to `until`; openings are by company time.

    meetings: so many of two campaigns' messages that come close are played; what clashes daily has shown itself by then
    """

    published: Published
    now: datetime
    horizon: timedelta = HORIZON
    meetings: int = 14

    @property
    def config(self) -> Config:
        return self.published.config

    @property
    def until(self) -> datetime:
        return self.now + self.horizon

    @property
    def last_day(self) -> str:
        """The horizon as people say it: `Fri 15 Jan`."""
        return f"{self.until.astimezone(self.config.rules.zone):%a %d %b}"

    @cached_property
    def pointer(self) -> Pointer:
        return Pointer(self.config)

    @cached_property
    def dated(self) -> dict[str, list[Occurrence]]:
        """Campaign → what falls due from now until the horizon; nothing for what waits for customer events."""
        return {name: self.due(one, self.now, self.until) for name, one in self.config.campaigns.items()}

    def due(self, campaign: Campaign, since: datetime, until: datetime) -> list[Occurrence]:
        """The first MOST occurrences in (since, until]."""
        found = occurrences(self.config, campaign, self.published.calendar, since, until)
        if len(found) < FEW / 2:
            return found[:MOST]
        found = []  # of so many, only the last ones were told
        while since < until and len(found) < MOST:
            found += occurrences(self.config, campaign, self.published.calendar, since, since + timedelta(hours=12))
            since += timedelta(hours=12)
        return found[:MOST]

    def midnight(self, at: datetime) -> datetime:
        """The end of an instant's day by company time, UTC."""
        day = at.astimezone(self.config.rules.zone).date() + timedelta(days=1)
        return instants(datetime.combine(day, time()), self.config.rules.zone)[0].astimezone(UTC)

    @cached_property
    def kinds(self) -> dict[str, tuple[Kind, ...]]:
        """Campaign → the kinds of customers its audience may hold."""
        config = self.config
        every = first_in(config.rules.segment_windows, config.segments)
        return {
            name: tuple(kind for kind, way in every.items() if possible(ways(campaign.audience, config.segments), way))
            for name, campaign in config.campaigns.items()
        }

    def shared(self, one: Campaign, other: Campaign) -> Iterator[Kind]:
        """Kinds of customers that may be in both audiences at once."""
        segments = self.config.segments
        for kind, way in first_in(self.config.rules.segment_windows, segments).items():
            if any(possible([left], right, way) for left in ways(one.audience, segments) for right in ways(other.audience, segments)):
                yield kind

    def window(self, campaign: Campaign, kind: Kind) -> tuple[str, OpenHours | None]:
        """Name and hours; None: customers of this kind have no window."""
        if "window" in self.config.rules.categories[campaign.category].ignore:
            return "any time", ALWAYS
        symbol = f"win:{campaign.window}" if campaign.window else f"seg:{kind}" if kind else "none"
        name, hours, _ = self.published.window(f"{symbol}@{self.config.rules.timezone}")
        return name, hours

    def messages(self, campaign: Campaign, occurrence: Occurrence, kind: Kind, first_id: int) -> list[Message]:
        """One a channel; one in all where the first open channel is taken. Their run is `first_id`, their ids count from it."""
        name, hours = self.window(campaign, kind)
        choices = [campaign.channels.choice] if campaign.channels.choice else [(channel,) for channel in campaign.channels.all]
        patience = campaign.queue_for
        return [
            Message(
                occurrence,
                channels[0],
                Candidate(
                    id=first_id + number,
                    person_id=PERSON,
                    run_id=first_id,
                    campaign=campaign.campaign,
                    channels=channels,
                    category=campaign.category,
                    topic=campaign.topic,
                    priority=self.config.rules.categories[campaign.category].priority,
                    window_name=name,
                    window=hours,
                    expires_at=occurrence.at + campaign.expires,
                    queued_at=occurrence.at,
                    queue_until=None if patience is None else occurrence.at + patience,
                ),
            )
            for number, channels in enumerate(choices)
        ]

    def customer(self, *, hours: bool) -> Person:
        """Somebody who agreed to everything and has every address. hours: also to offers at any hour."""
        channels = self.published.channels
        consent = Consent(marketing=True, hours=ALWAYS if hours else None)
        return Person(PERSON, self.config.rules.timezone, None, dict.fromkeys(channels, consent), frozenset(), frozenset(channels))

    def say(self, at: datetime) -> str:
        """`Fri 20 Nov 19:00`, by company time."""
        return f"{at.astimezone(self.config.rules.zone):%a %d %b %H:%M}"


PERSON = 1


def told(kinds: Iterator[Kind] | tuple[Kind, ...] | list[Kind]) -> str:
    """Kinds of customers as people say them."""
    names = [kind or "customers in no segment of segment_windows" for kind in kinds]
    return ", ".join(dict.fromkeys(names))
