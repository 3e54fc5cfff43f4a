"""Two campaigns that want the same slot of one customer: who goes first, and what becomes of the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations

from config.models import Campaign
from config.problems import Problem
from config.values import Period
from rules.facts import Code, Reason
from rules.localtime import period
from rules.timetable import timetable
from scheduler.outlook.hours import hours_of
from scheduler.outlook.meeting import meeting
from scheduler.outlook.play import Fate, play
from scheduler.outlook.repeats import alone
from scheduler.outlook.rules_of import rule
from scheduler.outlook.scene import Kind, Message, Scene, told


@dataclass(frozen=True, slots=True)
class Clash:
    """One message that another campaign's keeps from its time.

    wanted: when it would go alone. goes: when it goes after the other; None: never. missed: its opening is over by then
    ahead:  when the other goes. agreed: of a customer who agreed to offers at any hour
    """

    winner: str
    loser: Message
    kind: Kind
    wanted: datetime
    goes: datetime | None
    missed: bool
    reason: Reason | None
    ahead: datetime
    agreed: bool


def clashes(scene: Scene) -> list[Clash]:
    """Every clash between two campaigns before the horizon, for customers who may be in both; in the order of the slots.

    Birthdays and customer events are left out: they are few a day, and nobody can move them.
    """
    found: list[Clash] = []
    dated = [one for one in scene.config.campaigns.values() if scene.dated[one.campaign] and one.when.anniversary is None]
    for agreed in (True, False):
        solo = {(one.campaign, kind): alone(scene, one, kind, agreed=agreed) for one in dated for kind in scene.kinds[one.campaign]}
        for one, other in combinations(dated, 2):
            if agreed or _offers(scene, one) or _offers(scene, other):
                for kind, met in _rivals(scene, one, other, solo).items():
                    fates = [*solo[one.campaign, kind], *solo[other.campaign, kind]]
                    found += _between(scene, (one, other), [fate for fate in fates if _name(fate.message) in met], kind, agreed=agreed)
    return sorted(found, key=lambda clash: (clash.wanted, clash.loser.campaign, clash.winner, not clash.agreed))


def _offers(scene: Scene, campaign: Campaign) -> bool:
    return scene.config.rules.categories[campaign.category].offer


def _name(message: Message) -> tuple[str, str]:
    return message.campaign, message.occurrence.key


def _rivals(
    scene: Scene, one: Campaign, other: Campaign, solo: Mapping[tuple[str, Kind], Sequence[Fate]]
) -> dict[Kind, set[tuple[str, str]]]:
    """The kinds of customers who may be in both audiences, with the messages of the two that come close for them."""
    common = [kind for kind in scene.kinds[one.campaign] if kind in scene.kinds[other.campaign]]
    met = {kind: meeting(scene, one, other, solo[one.campaign, kind], solo[other.campaign, kind]) for kind in common}
    return {kind: met[kind] for kind in scene.shared(one, other) if met.get(kind)} if any(met.values()) else {}


def findings(scene: Scene, found: Sequence[Clash]) -> Iterator[Problem]:
    """A warning for each pair and loser whose messages miss an opening, or never go, for the other's sake."""
    missed = [clash for clash in found if clash.missed and not _merged(scene, clash)]
    for loser, winner in dict.fromkeys((clash.loser.campaign, clash.winner) for clash in missed):
        these = [clash for clash in missed if (clash.loser.campaign, clash.winner) == (loser, winner)]
        yield scene.pointer.campaign(loser, ("when",), _said(scene, these)).as_warning()


def _between(scene: Scene, pair: tuple[Campaign, Campaign], solo: Sequence[Fate], kind: Kind, *, agreed: bool) -> Iterator[Clash]:
    one, other = pair
    before = {(*_name(fate.message), fate.message.channel): fate for fate in solo}
    together = play(scene, scene.customer(hours=agreed), _numbered([fate.message for fate in solo]))
    for fate in together:
        was = before[(*_name(fate.message), fate.message.channel)]
        if was.at is None or (fate.at is not None and fate.at <= was.at):
            continue
        winner = other if fate.message.campaign == one.campaign else one
        if (reason := _because_of(scene, fate, was.at, winner, together)) and (ahead := _before(together, winner, fate.at or was.at)):
            missed = fate.at is None or fate.at >= _closes(scene, was, agreed=agreed)
            yield Clash(winner.campaign, fate.message, kind, was.at, fate.at, missed, reason, ahead, agreed)


def _because_of(scene: Scene, fate: Fate, wanted: datetime, winner: Campaign, together: Sequence[Fate]) -> Reason | None:
    """The last reason that speaks of the winner itself; what only follows from an earlier clash has none."""
    theirs = {str(each.message.candidate.id): each for each in together if each.message.campaign == winner.campaign}
    for reason in reversed(fate.reasons):
        if reason.code is not Code.CAP and reason.detail in theirs:
            return reason
        if reason.code is Code.CAP:
            per = next(cap.per for cap in scene.config.rules.overlap.caps if cap.name == reason.detail)
            if any(each.at and _counts_together(scene, per, each.at, wanted) for each in theirs.values()):
                return reason
    return None


def _counts_together(scene: Scene, per: Period, one: datetime, other: datetime) -> bool:
    """Do two contacts fall into one period of a cap?"""
    if isinstance(per, timedelta):
        return abs(one - other) < per
    start, end = period(per, scene.config.rules.timezone, other)
    return start <= one < end


def _before(together: Sequence[Fate], winner: Campaign, at: datetime) -> datetime | None:
    """When the winner's last message until then goes."""
    return max((each.at for each in together if each.at and each.at <= at and each.message.campaign == winner.campaign), default=None)


def _numbered(messages: Sequence[Message]) -> list[Message]:
    """Runs count in the order they fall due, as those of the plan do; messages of one occurrence keep their common run."""
    ordered = sorted(messages, key=lambda message: (message.occurrence.at, message.campaign))
    runs: dict[tuple[str, str], int] = {}
    for message in ordered:
        runs.setdefault((message.campaign, message.occurrence.key), len(runs) + 1)
    return [
        replace(message, candidate=replace(message.candidate, id=number, run_id=runs[message.campaign, message.occurrence.key]))
        for number, message in enumerate(ordered, 1)
    ]


def _closes(scene: Scene, fate: Fate, *, agreed: bool) -> datetime:
    """The end of the opening a message went in; the end of the day where hours never close."""
    if fate.at is None:
        return scene.until
    person = scene.customer(hours=agreed)
    window, offers = hours_of(scene, fate.message, person)
    openings = timetable(scene.published.calendar).openings(person.zone, window or (), offers)
    return openings.closes(fate.at) or scene.midnight(fate.at)


def _merged(scene: Scene, clash: Clash) -> bool:
    """Two messages of one category with a digest go as one: neither loses."""
    config = scene.config
    loser, winner = config.campaigns[clash.loser.campaign], config.campaigns[clash.winner]
    digest = config.rules.categories[loser.category].digest
    if digest is None or loser.category != winner.category or clash.loser.channel not in winner.channels.names:
        return False
    return any(abs(each.at - clash.loser.occurrence.at) <= digest.within for each in scene.dated[winner.campaign])


def concerned(these: Sequence[Clash]) -> str:
    """`push to hnwi, regular and popup to hnwi`: by which channel whom."""
    kinds: dict[str, dict[Kind, None]] = {}
    for clash in these:
        kinds.setdefault(clash.loser.channel, {})[clash.kind] = None
    alike: dict[str, list[str]] = {}
    for channel, whom in kinds.items():
        alike.setdefault(told(sorted(whom, key=str)), []).append(channel)
    return " and ".join(f"{', '.join(channels)} to {whom}" for whom, channels in alike.items())


def _said(scene: Scene, these: Sequence[Clash]) -> str:
    first = min(these, key=lambda clash: (clash.goes is not None, not clash.agreed, clash.wanted))
    same = [clash for clash in these if clash.loser.occurrence == first.loser.occurrence and clash.agreed == first.agreed]
    same = [clash for clash in same if clash.goes == first.goes]
    whom = concerned(same) + ("" if first.agreed else " who agreed to no other hours for offers")
    becomes = f"this goes {scene.say(first.goes)} instead" if first.goes else "this never goes"
    often = len({clash.loser.occurrence.key for clash in these})
    more = (
        f"; so for {often} of its occurrences until {scene.last_day}{' at least' if often >= scene.meetings - 1 else ''}"
        if often > 1
        else ""
    )
    return (
        f'"{first.winner}" wants the same slot, {scene.say(first.wanted)}, {whom}: '
        f"{why_first(scene, first)}, and {becomes} because of {rule(scene.config, first.reason)}{more}; "
        "move one of them, or give this longer"
    )


def why_first(scene: Scene, clash: Clash) -> str:
    """`it goes first (priority 50 over 10)`."""
    categories, campaigns = scene.config.rules.categories, scene.config.campaigns
    high, low = (categories[campaigns[name].category].priority for name in (clash.winner, clash.loser.campaign))
    if high > low:
        return f"it goes first (priority {high} over {low})"
    if clash.ahead < clash.wanted:
        return f"it goes {scene.say(clash.ahead)} already"
    return f"it goes first (the same priority {high}, and it expires or was due earlier)"
