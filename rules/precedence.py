"""Pending higher priority: the less important message waits while it would stand in the way of a more important one.

In the way means: the other could still go in the opening that is open now, and would not be let go then if this one went now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.values import Calendar
from rules.admission import Admission
from rules.calendar import HolidayCalendar
from rules.facts import Candidate, Code, Contact, Defer, Person, Policy, Reason, Release, Suppress, Verdict
from rules.judge import judge
from rules.localtime import period
from rules.timetable import timetable

_LOOKS = 32  # each deferral is to the end of what stood in the way; a chain of more is not followed within one opening
# What only lacks room may go any moment, or in an hour: who waits for it is not looked at on every tick, in front of all others.
_LOOK_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits. ready_at: not before."""

    candidate: Candidate
    ready_at: datetime


@dataclass(frozen=True, slots=True)
class Blocked:
    """A more important message and the instant at which it could go. channel: by which.

    closes: when the opening ends in which it is waited for
    """

    candidate: Candidate
    at: datetime
    channel: str
    closes: datetime


def in_the_way(
    candidate: Candidate,
    contact: Contact,
    ahead: Sequence[Waiting],
    person: Person,
    told: Sequence[Contact],
    policy: Policy,
    calendar: HolidayCalendar,
    now: datetime,
) -> Blocked | None:
    """The first of `ahead` (the most important first) that the candidate would block by going now, which makes it `contact`."""
    closes = _closes(candidate, contact.channel, person, policy, calendar, now)
    for waiting in ahead:
        found = _chance(waiting, closes, person, told, policy, calendar)
        if found and not isinstance(judge(waiting.candidate, person, [*told, contact], policy, calendar, found.at), Release):
            return found
    return None


def yields(
    candidate: Candidate,
    blocked: Blocked,
    person: Person,
    told: Sequence[Contact],
    policy: Policy,
    calendar: HolidayCalendar,
    now: datetime,
) -> Verdict | None:
    """What becomes of a candidate that lets `blocked` go first; None: it stays queued, and is looked at again at once.

    blocked only lacks room when its time is now. The candidate then waits as it would if blocked went now; when that would be too
    long or not at all, for some minutes at a time.
    """
    reason = Reason(Code.PENDING_HIGHER_PRIORITY, str(blocked.candidate.id))
    if blocked.at > now:
        return Defer(blocked.at, reason) if blocked.at < candidate.deadline else Suppress(reason)
    other = blocked.candidate
    ahead = Contact(other.id, other.run_id, blocked.channel, other.category, other.topic, now)
    after = judge(candidate, person, [*told, ahead], policy, calendar, now)
    # Not suppressed for the sake of a message that only lacks room: that one may yet not go.
    until = after.until if isinstance(after, Defer) else now + _LOOK_AGAIN
    return Defer(until, reason) if isinstance(after, Defer) or until < min(blocked.closes, candidate.deadline) else None


def _closes(candidate: Candidate, channel: str, person: Person, policy: Policy, calendar: HolidayCalendar, now: datetime) -> datetime:
    """When the candidate's opening ends; hours that never close end with the person's day."""
    openings = Admission(candidate, channel, person, policy, timetable(calendar)).openings
    closes = openings.closes(now) if openings else None
    return closes or period(Calendar.DAY, person.zone, now)[1]


def _chance(
    waiting: Waiting, before: datetime, person: Person, told: Sequence[Contact], policy: Policy, calendar: HolidayCalendar
) -> Blocked | None:
    """When the waiting message could first go by itself; None when not before an instant."""
    at = waiting.ready_at
    for _ in range(_LOOKS):
        if at >= before:
            return None
        verdict = judge(waiting.candidate, person, told, policy, calendar, at)
        if isinstance(verdict, Release):
            return Blocked(waiting.candidate, at, verdict.channel, before)
        if isinstance(verdict, Suppress):
            return None
        at = verdict.until
    return None
