"""The coming days: which campaigns open when and for whom, what clashes, and how full each channel gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from rules.facts import Reason
from rules.localtime import instants
from rules.timetable import timetable
from scheduler.occurrences import Occurrence
from scheduler.outlook.clashes import Clash, clashes
from scheduler.outlook.hours import goes_at, hours_of
from scheduler.outlook.repeats import lost
from scheduler.outlook.scene import Kind, Scene
from scheduler.outlook.volume import Flow, Load

BACK = timedelta(days=7)  # what fell due before the first day may open on it
MANY = 3  # openings of one campaign on one day; more are told in one line

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """For customers of some kinds it goes in [opens, closes). opens None: never, its deadline comes before its hours do."""

    kinds: tuple[Kind, ...]
    window: str
    opens: datetime | None
    closes: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A campaign on a day.

    due:      of each occurrence
    messages: by channel, empty where nothing was counted
    spent:    the rule by which it never goes to those who got its own message before; None: it may
    """

    campaign: str
    due: tuple[Occurrence, ...]
    openings: tuple[Opening, ...]
    messages: Mapping[str, int] = field(default_factory=dict)
    clashes: tuple[Clash, ...] = ()
    spent: Reason | None = None

    @property
    def begins(self) -> datetime:
        return min((one.opens for one in self.openings if one.opens), default=self.due[0].at)


@dataclass(frozen=True, slots=True)
class Day:
    """holiday: its name; a weekend is none."""

    date: date
    holiday: str | None
    entries: tuple[Entry, ...]
    loads: tuple[Load, ...]


def scene_of(published_scene: Scene, first: date, days: int) -> Scene:
    """What the days from `first` on need to be looked at, a little before them, too."""
    begins = _midnight(published_scene, first)
    span = _midnight(published_scene, first + days * _DAY) - begins + BACK
    return Scene(published_scene.published, begins - BACK, span, meetings=span.days * 2)


def coming_days(scene: Scene, first: date, days: int, flows: Iterable[Flow], loads: Iterable[Load]) -> list[Day]:
    """One for each day from `first`, by company time. flows and loads: of the same scene, none where nothing was counted."""
    counted, carried = list(flows), list(loads)
    fights = [clash for clash in clashes(scene) if clash.agreed]
    entries = list(_entries(scene, counted, fights))
    found = []
    for day in (first + n * _DAY for n in range(days)):
        mine = sorted((entry for entry in entries if _date(scene, entry.begins) == day), key=lambda entry: _order(scene, entry))
        full = tuple(load for load in carried if load.day == day)
        found.append(Day(day, scene.published.calendar.name(day), tuple(_joined(mine)), full))
    return found


def _order(scene: Scene, entry: Entry) -> tuple[datetime, int, str]:
    """By the hour, and then who goes first."""
    return entry.begins, -scene.config.rules.categories[scene.config.campaigns[entry.campaign].category].priority, entry.campaign


def _entries(scene: Scene, flows: Sequence[Flow], fights: Sequence[Clash]) -> Iterator[Entry]:
    """One for each occurrence and day on which it opens for somebody."""
    for name, dated in scene.dated.items():
        spent = lost(scene, scene.config.campaigns[name])
        for occurrence in dated:
            by_day: dict[date, list[Opening]] = {}
            for opening in _openings(scene, name, occurrence):
                by_day.setdefault(_date(scene, opening.opens or occurrence.at), []).append(opening)
            clashing = tuple(clash for clash in fights if (clash.loser.campaign, clash.loser.occurrence) == (name, occurrence))
            for day, openings in by_day.items():
                messages: dict[str, int] = {}
                for flow in flows:
                    if (flow.campaign, flow.occurrence, _date(scene, flow.opens)) == (name, occurrence, day):
                        messages[flow.channel] = messages.get(flow.channel, 0) + flow.messages
                here = tuple(clash for clash in clashing if _date(scene, clash.wanted) == day)
                yield Entry(name, (occurrence,), tuple(openings), messages, here, spent.get(occurrence.key))


def _openings(scene: Scene, name: str, occurrence: Occurrence) -> list[Opening]:
    """The first opening of each window, for customers who agreed to everything; alike ones together."""
    campaign, person = scene.config.campaigns[name], scene.customer(hours=True)
    found: dict[tuple[str, datetime | None, datetime], list[Kind]] = {}
    for kind in scene.kinds[name]:
        message = scene.messages(campaign, occurrence, kind, 1)[0]
        candidate, opens = message.candidate, goes_at(scene, message, person)
        closes = candidate.deadline
        if opens is not None:
            window, offers = hours_of(scene, message, person)
            openings = timetable(scene.published.calendar).openings(person.zone, window or (), offers)
            closes = min(openings.closes(opens) or scene.midnight(opens), closes)
        found.setdefault((candidate.window_name, opens, closes), []).append(kind)
    return [Opening(tuple(kinds), window_name, opens, closes) for (window_name, opens, closes), kinds in found.items()]


def _joined(entries: Sequence[Entry]) -> Iterator[Entry]:
    """What comes more often than MANY times a day stands in one line."""
    told: set[str] = set()
    for entry in entries:
        same = [one for one in entries if one.campaign == entry.campaign]
        if len(same) <= MANY:
            yield entry
        elif entry.campaign not in told:
            told.add(entry.campaign)
            channels = {channel for one in same for channel in one.messages}
            yield Entry(
                entry.campaign,
                tuple(occurrence for one in same for occurrence in one.due),
                entry.openings,
                {channel: sum(one.messages.get(channel, 0) for one in same) for channel in sorted(channels)},
                tuple(clash for one in same for clash in one.clashes)[:MANY],
            )


def _date(scene: Scene, at: datetime) -> date:
    return at.astimezone(scene.config.rules.zone).date()


def _midnight(scene: Scene, day: date) -> datetime:
    return instants(datetime.combine(day, time()), scene.config.rules.zone)[0].astimezone(UTC)
