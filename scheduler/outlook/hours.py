"""Campaigns whose hours never come, or come too late: each occurrence against window, offer hours and its own patience."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from config.models import Campaign
from config.problems import Problem
from rules.consent import offer_hours
from rules.facts import Defer, Person, Release
from rules.judge import judge
from rules.localtime import instants
from rules.timetable import AllOf, timetable
from rules.weekly import AnyOf
from scheduler.occurrences import Occurrence
from scheduler.outlook.scene import Kind, Message, Scene, told

_DAY = timedelta(days=1)
_YEAR = timedelta(days=400)  # for what comes less often than the horizon is long


@dataclass(frozen=True, slots=True)
class Missed:
    """A message that is worthless before its hours come. opens: when they would; None: never."""

    message: Message
    kind: Kind
    opens: datetime | None


def findings(scene: Scene) -> Iterator[Problem]:
    """Errors for campaigns that can never go, warnings for occurrences and customers that get nothing for want of hours."""
    for campaign in scene.config.campaigns.values():
        found = judged(scene, campaign)
        if not found and (silent := _never_due(scene, campaign)):
            yield silent
        generous, lawful = (_missed(scene, campaign, found, scene.customer(hours=agreed)) for agreed in (True, False))
        total = sum(len(scene.messages(campaign, each, None, 1)) for each in found) * len(scene.kinds[campaign.campaign])
        if total and len(generous) == total:
            yield _never(scene, campaign, generous)
        else:
            yield from _too_late(scene, campaign, found, generous)
            known = {(each.message.occurrence.key, each.message.channel, each.kind) for each in generous}
            fresh = [each for each in lawful if (each.message.occurrence.key, each.message.channel, each.kind) not in known]
            yield from _without_consent(scene, campaign, found, fresh)


def judged(scene: Scene, campaign: Campaign) -> Sequence[Occurrence]:
    """The occurrences a campaign is judged by: all its dates, or what comes before the horizon; for events, the worst moments."""
    when, pad = campaign.when, timedelta(days=2)
    if when.event is not None:
        return _moments(scene, campaign)
    if when.at is not None:
        return scene.due(campaign, _instant(scene, min(when.at)) - pad, _instant(scene, max(when.at)) + pad)
    if name := when.before or when.after:
        dates = [event.at for event in scene.config.events.business.get(name, ())]
        reach = when.by + pad
        return scene.due(campaign, _instant(scene, min(dates)) - reach, _instant(scene, max(dates)) + reach) if dates else ()
    begins = scene.now if campaign.starts is None else max(scene.now, _midnight(scene, campaign.starts) - timedelta(seconds=1))
    return scene.due(campaign, begins, begins + scene.horizon) or scene.due(campaign, begins, begins + _YEAR)


def _moments(scene: Scene, campaign: Campaign) -> list[Occurrence]:
    """When an event may come, over two weeks: now, as a window opens, and as it closes, which is the longest wait there is."""
    found = {scene.now}
    for kind in scene.kinds[campaign.campaign]:
        _, hours = scene.window(campaign, kind)
        at: datetime | None = scene.now
        while hours is not None and at is not None and at < scene.now + timedelta(weeks=2):
            openings = timetable(scene.published.calendar).openings(scene.config.rules.timezone, (hours,))
            opens = openings.next(at)
            at = openings.closes(opens) if opens else None
            found |= {moment for moment in (opens, at) if moment is not None}
    return [Occurrence(moment.isoformat(), moment) for moment in sorted(found)]


def _never_due(scene: Scene, campaign: Campaign) -> Problem | None:
    """Why a campaign that waits for no customer has no occurrence at all; None when it is only over, or none comes soon."""
    when, name = campaign.when, campaign.campaign
    if (event := when.before or when.after) and not scene.config.events.business.get(event):
        message = f'"{event}" has no dates in events.yaml, so that nothing is ever due; add its dates there'
        return scene.pointer.campaign(name, ("when",), message).as_warning()
    if when.event is not None or not (when.at or event or _empty(scene, campaign)):
        return None
    message = f'campaign "{name}" can never go: nothing of it is due between `starts` and `ends`; correct them, or when'
    return scene.pointer.campaign(name, ("when",), message)


def _empty(scene: Scene, campaign: Campaign) -> bool:
    """Is it bounded on both sides, with nothing due between?"""
    if campaign.starts is None or campaign.ends is None:
        return False
    return not scene.due(campaign, _midnight(scene, campaign.starts) - timedelta(seconds=1), _midnight(scene, campaign.ends) + _DAY)


def _missed(scene: Scene, campaign: Campaign, due: Sequence[Occurrence], person: Person) -> list[Missed]:
    found = []
    for kind in scene.kinds[campaign.campaign]:
        for occurrence in due:
            for message in scene.messages(campaign, occurrence, kind, 1):
                if goes_at(scene, message, person) is None:
                    found.append(Missed(message, kind, _opens(scene, message, person)))
    return found


def goes_at(scene: Scene, message: Message, person: Person) -> datetime | None:
    """When a message goes that nothing else stands in the way of; None: never."""
    at = message.occurrence.at
    while True:
        verdict = judge(message.candidate, person, (), scene.published.policy, scene.published.calendar, at)
        if not isinstance(verdict, Defer):
            return at if isinstance(verdict, Release) else None
        at = verdict.until


def _opens(scene: Scene, message: Message, person: Person) -> datetime | None:
    """The next opening of a message's own hours, however late."""
    window, offers = hours_of(scene, message, person)
    if window is None:
        return None
    return timetable(scene.published.calendar).openings(person.zone, window, offers).next(message.occurrence.at)


def hours_of(scene: Scene, message: Message, person: Person) -> tuple[AllOf | None, AnyOf]:
    """What must be open, and what one of which must be, for a message to go; None when it has no window."""
    candidate, policy = message.candidate, scene.published.policy
    category = policy.category(candidate.category)
    offers = offer_hours(message.channel, person, policy) if category.offer else ()
    if "window" in category.ignore:
        return (), offers
    return (None if candidate.window is None else (candidate.window,)), offers


def _never(scene: Scene, campaign: Campaign, missed: Sequence[Missed]) -> Problem:
    name, first = campaign.campaign, missed[0]
    shut = [cap for cap in scene.config.rules.overlap.caps if cap.max == 0]
    if first.opens is None:
        why = "its hours never open; give it another window or category"
    elif first.opens < first.message.candidate.deadline and shut:
        why = f"the cap {shut[0].name} lets nothing through; raise it"
    else:
        why = f"{_late(scene, campaign, first)}; give it longer, or another time or window"
    key = scene.pointer.written(name, *_keys(campaign))
    return scene.pointer.campaign(name, (key,), f'campaign "{name}" can never go: {why}', key=True)


def _too_late(scene: Scene, campaign: Campaign, due: Sequence[Occurrence], missed: Sequence[Missed]) -> Iterator[Problem]:
    for hours in dict.fromkeys(each.message.candidate.window_name for each in missed):
        these = [each for each in missed if each.message.candidate.window_name == hours]
        if these[0].opens is None or these[0].opens < these[0].message.candidate.deadline:
            continue  # it is not for its hours
        words = f"{_late(scene, campaign, these[0])}{_how_many(due, these)}; {told([each.kind for each in these])} get nothing then"
        name = campaign.campaign
        key = scene.pointer.written(name, *_keys(campaign))
        yield scene.pointer.campaign(name, (key,), f"{words}; give it longer, or another time or window", key=True).as_warning()


def _without_consent(scene: Scene, campaign: Campaign, due: Sequence[Occurrence], missed: Sequence[Missed]) -> Iterator[Problem]:
    if not missed:
        return
    name, first = campaign.campaign, missed[0]
    kinds = [each.kind for each in missed]
    by = ", ".join(dict.fromkeys(each.message.channel for each in missed))
    if all(each.opens is None for each in missed):
        words = (
            f'window "{first.message.candidate.window_name}" and offers_without_hours_consent are never open together: by {by}, only '
            f"customers of {told(kinds)} who agreed to other hours get this"
        )
    else:
        words = f"by {by}, {told(kinds)} who agreed to no other hours for offers get nothing: {_late(scene, campaign, first)}"
        words += _how_many(due, missed)
    message = f"{words}; widen the window or `expires`, or take a channel that is not personal"
    yield scene.pointer.campaign(name, ("category",), message).as_warning()


def _late(scene: Scene, campaign: Campaign, missed: Missed) -> str:
    candidate = missed.message.candidate
    what = "an event of" if campaign.when.event else "what is due"
    opens = f"its hours open {scene.say(missed.opens)}" if missed.opens else "its hours never open"
    return (
        f"{what} {scene.say(missed.message.occurrence.at)} is worthless from {scene.say(candidate.deadline)} (`{_keys(campaign)[0]}`), "
        f'{opens} (window "{candidate.window_name}")'
    )


def _how_many(due: Sequence[Occurrence], missed: Sequence[Missed]) -> str:
    count = len({each.message.occurrence.key for each in missed})
    event = due[0].key == due[0].at.isoformat()
    return f"; so for {count} of {len(due)} occurrences" if len(due) > 1 and not event else ""


def _keys(campaign: Campaign) -> tuple[str, ...]:
    """The key that ends its patience first, then where else the finding may stand."""
    ends = "queue_for" if campaign.queue_for is not None and campaign.queue_for < campaign.expires else "expires"
    return ends, "when"


def _instant(scene: Scene, nominal: datetime) -> datetime:
    return instants(nominal.replace(tzinfo=None), scene.config.rules.zone)[0].astimezone(UTC)


def _midnight(scene: Scene, day: date) -> datetime:
    return _instant(scene, datetime.combine(day, time()))
