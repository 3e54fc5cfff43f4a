"""A second implementation of the rules, as naive as possible: it steps minutes and counts, and shares no code with rules/."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from config.models import Cap
from config.values import OpenHours
from rules.facts import Candidate, Contact, Person, Policy
from tests.rules.make import CALENDAR

MINUTE = timedelta(minutes=1)
IsHoliday = Callable[[date], bool]
Needs = Sequence[tuple[OpenHours, ...]]


def wall(at: datetime, zone: str) -> datetime:
    """What a clock shows."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def shows_open(shown: datetime, hours: OpenHours, is_holiday: IsHoliday = CALENDAR.is_holiday) -> bool:
    """Whether a clock's time lies in a span of its day, or in one of the day before that runs over midnight."""
    midnight = shown.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in (midnight, midnight - timedelta(days=1)):
        minute = (shown - day) / MINUTE
        holiday = is_holiday(day.date())
        spans = hours.holiday if holiday and hours.holiday is not None else hours.days[day.weekday()]
        if any(span.start <= minute < span.end for span in spans):
            return True
    return False


def open_minutes(needs: Needs, zone: str, first: datetime, last: datetime) -> set[datetime]:
    """The UTC minutes in [first, last) that are open; of a stretch that a clock change splits, the longer part counts."""
    stretch: dict[datetime, int] = {}
    shown, end, number = wall(first, zone) - timedelta(days=1), wall(last, zone) + timedelta(days=1), 0
    while shown < end:
        if all(any(shows_open(shown, hours) for hours in need) for need in needs):
            stretch[shown] = number
        else:
            number += 1
        shown += MINUTE
    minutes = [first + n * MINUTE for n in range(int((last - first) / MINUTE))]
    runs: dict[int, list[datetime]] = {}
    for which, group in groupby(minutes, key=lambda at: stretch.get(wall(at, zone))):
        run = list(group)
        if which is not None and len(run) > len(runs.get(which, [])):
            runs[which] = run
    return {minute for run in runs.values() for minute in run}


def period_name(cap: Cap, zone: str) -> Callable[[datetime], object]:
    """What a calendar period is called, so that two instants of one period have one name."""
    names: dict[object, Callable[[datetime], object]] = {
        "day": lambda at: wall(at, zone).date(),
        "week": lambda at: wall(at, zone).isocalendar()[:2],
        "month": lambda at: (wall(at, zone).year, wall(at, zone).month),
    }
    return names[cap.per]


def fits(cap: Cap, candidate: Candidate, channel: str, history: Sequence[Contact], zone: str, at: datetime) -> bool:
    """Whether one more message keeps within a cap at an instant."""
    if cap.channel not in (None, channel) or cap.category not in (None, candidate.category):
        return True
    counted = 0
    for run in {contact.run_id for contact in history}:
        per_channel = []
        for used in {contact.channel for contact in history}:
            mine = [contact for contact in history if contact.run_id == run and contact.channel == used]
            mine = [contact for contact in mine if cap.channel in (None, used) and cap.category in (None, contact.category)]
            if isinstance(cap.per, timedelta):
                mine = [contact for contact in mine if at - contact.at < cap.per]
            else:
                name = period_name(cap, zone)
                mine = [contact for contact in mine if name(contact.at) == name(at)]
            per_channel.append(len(mine) if run != candidate.run_id or used == channel else 0)
        counted += max(per_channel)
    return counted < cap.max


def breaches(
    candidate: Candidate,
    channel: str,
    person: Person,
    history: Sequence[Contact],
    policy: Policy,
    at: datetime,
    is_holiday: IsHoliday = CALENDAR.is_holiday,
) -> list[str]:
    """Every rule that sending at an instant would break. Windows are judged by the clock on the person's wall."""
    category, overlap, found = policy.category(candidate.category), policy.rules.overlap, []
    shown, others = wall(at, person.zone), [contact for contact in history if contact.run_id != candidate.run_id]
    if at >= candidate.expires_at:
        found.append("expired")
    if "window" not in category.ignore and not (candidate.window and shows_open(shown, candidate.window, is_holiday)):
        found.append("window")
    if "window" not in category.ignore and person.contact_hours and not shows_open(shown, person.contact_hours, is_holiday):
        found.append("contact hours")
    if category.offer:
        consent = person.consents.get(channel)
        lawful = shows_open(shown, policy.rules.offers_without_hours_consent, is_holiday)
        consented = bool(consent and consent.hours and shows_open(shown, consent.hours, is_holiday))
        found += [] if consent and consent.marketing and channel not in person.opted_out else ["consent"]
        found += ["hours"] if channel in policy.personal and not (lawful or consented) else []
    if "gap" not in category.ignore and any(abs(at - contact.at) < overlap.gap for contact in others):
        found.append("gap")
    about = [contact for contact in others if candidate.topic and contact.topic == candidate.topic]
    if "topic" not in category.ignore and any(abs(at - contact.at) < overlap.same_topic for contact in about):
        found.append("topic")
    if "caps" not in category.ignore:
        using = [contact for contact in history if policy.category(contact.category).counts_in_caps]
        found += [cap.name for cap in overlap.caps if not fits(cap, candidate, channel, using, person.zone, at)]
    return found
