"""How full an evening gets: messages against what a channel's rate carries before their windows close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from config.models import Campaign
from config.problems import Problem
from jobs.plan import birthdays, expansion
from rules.timetable import timetable
from scheduler.occurrences import Occurrence
from scheduler.outlook.scene import Scene
from store.volume import Means, Volume, volumes

Volumes = Mapping[str, Sequence[Volume]]  # by campaign


@dataclass(frozen=True, slots=True)
class Flow:
    """Messages of one occurrence that may go in [opens, closes). sends: as the provider counts them."""

    campaign: str
    occurrence: Occurrence
    channel: str
    opens: datetime
    closes: datetime
    messages: int
    sends: int


@dataclass(frozen=True, slots=True)
class Load:
    """A channel's tightest stretch of an evening: what must leave in [opens, closes), and what can.

    share:    the one over the other, above 1 for too many
    messages: of the whole evening
    """

    channel: str
    day: date
    opens: datetime
    closes: datetime
    sends: int
    capacity: int
    share: float
    messages: int
    campaigns: tuple[str, ...]


async def count(connection: AsyncConnection, scene: Scene) -> dict[str, list[Volume]]:
    """Every dated campaign's messages per occurrence, by its audience of today; one query a campaign."""
    found = {}
    means = [Means(name, channel.addresses, channel.every_address) for name, channel in scene.published.channels.items()]
    for name, campaign in scene.config.campaigns.items():
        if dated := scene.dated[name]:
            at = dated[0].at
            plan = expansion(scene.published, campaign, 0, at, at + campaign.expires, now=scene.now)
            offer = scene.config.rules.categories[campaign.category].offer
            yearly = campaign.when.anniversary is not None  # counted for all days at once
            found[name] = await volumes(connection, replace(plan, birthday=None), means, offer=offer, birthdays=yearly)
    return found


def flows(scene: Scene, counted: Volumes) -> Iterator[Flow]:
    """Where each occurrence's messages go first, if they go in time; what rules put off is still counted there."""
    for name, parts in counted.items():
        campaign = scene.config.campaigns[name]
        for occurrence in scene.dated[name]:
            days = birthdays(occurrence.at.astimezone(scene.config.rules.zone).date())
            for part in parts:
                if campaign.when.anniversary and part.birthday not in days:
                    continue
                if stretch := _stretch(scene, campaign, occurrence, part):
                    yield Flow(name, occurrence, part.channel, *stretch, part.messages, part.sends)


def _stretch(scene: Scene, campaign: Campaign, occurrence: Occurrence, part: Volume) -> tuple[datetime, datetime] | None:
    """The first opening of a part's hours, cut at its deadline."""
    policy = scene.published.policy
    category = policy.category(campaign.category)
    _, hours, zone = scene.published.window(part.window_key)
    if hours is None and "window" not in category.ignore:
        return None
    lawful = (policy.rules.offers_without_hours_consent,) if category.offer and part.channel in policy.personal and not part.agreed else ()
    window = () if "window" in category.ignore or hours is None else (hours,)
    openings = timetable(scene.published.calendar).openings(zone, window, lawful)
    opens = openings.next(occurrence.at)
    deadline = occurrence.at + min(campaign.expires, campaign.queue_for or campaign.expires)
    if opens is None or opens >= deadline:
        return None
    return opens, min(openings.closes(opens) or scene.midnight(opens), deadline)


def loads(scene: Scene, found: Iterable[Flow], rates: Mapping[str, float]) -> list[Load]:
    """The tightest stretch of each channel on each day by company time, in order. rates: messages a second."""
    evenings: dict[tuple[date, str], list[Flow]] = {}
    for flow in found:
        day = flow.opens.astimezone(scene.config.rules.zone).date()
        evenings.setdefault((day, flow.channel), []).append(flow)
    return [_tightest(day, channel, evenings[day, channel], rates[channel]) for day, channel in sorted(evenings)]


def _tightest(day: date, channel: str, evening: Sequence[Flow], rate: float) -> Load:
    """What must leave within a stretch is what opens and closes inside it; the stretch with the most for its length decides."""
    stretches = {(one.opens, other.closes) for one in evening for other in evening if one.opens < other.closes}
    everything = sum(flow.messages for flow in evening)
    every = []
    for opens, closes in sorted(stretches):
        inside = Counter[str]()
        for flow in evening:
            if opens <= flow.opens and flow.closes <= closes:
                inside[flow.campaign] += flow.sends
        capacity = rate * (closes - opens).total_seconds()
        campaigns = tuple(name for name, _ in inside.most_common())
        every.append(Load(channel, day, opens, closes, inside.total(), int(capacity), inside.total() / capacity, everything, campaigns))
    return max(every, key=lambda load: load.share)


def findings(scene: Scene, found: Sequence[Load], variables: Mapping[str, str]) -> Iterator[Problem]:
    """A warning for each channel with evenings it cannot carry, at the campaign that puts most on the worst. variables: of its rate."""
    for channel in dict.fromkeys(load.channel for load in found):
        over = [load for load in found if load.channel == channel and load.sends > load.capacity]
        if not over:
            continue
        worst = max(over, key=lambda load: load.share)
        late = (worst.sends - worst.capacity) / max(worst.capacity / (worst.closes - worst.opens).total_seconds(), 1e-9)
        more = f"; so on {len(over)} days until {scene.last_day}" if len(over) > 1 else ""
        message = (
            f"{worst.sends:,} messages by {channel} ({', '.join(worst.campaigns)}) want to leave between {scene.say(worst.opens)} and "
            f"{scene.say(worst.closes)}, and its rate carries {worst.capacity:,}: the last would leave {_long(late)} after the window has "
            f"closed{more}; spread them over days, or raise {variables[channel]}"
        )
        yield scene.pointer.campaign(worst.campaigns[0], ("when",), message).as_warning()


def _long(seconds: float) -> str:
    minutes = timedelta(seconds=seconds) // timedelta(minutes=1)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(minutes, 1)} min"
