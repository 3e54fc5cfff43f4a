"""The verdict on one message: may it go now, when else, or never. One order of checks, and the first that fails names the reason.

consent, hours, address, expiry, window, topic, gap, caps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from rules.admission import Admission
from rules.calendar import HolidayCalendar
from rules.caps import cap
from rules.facts import Candidate, Code, Contact, Person, Policy, Reason, Release, Suppress, Verdict
from rules.spacing import Block, gap, same_topic
from rules.timetable import timetable

_UNREACHABLE = Suppress(Reason(Code.NO_ADDRESS))


def judge(
    candidate: Candidate, person: Person, history: Sequence[Contact], policy: Policy, calendar: HolidayCalendar, now: datetime
) -> Verdict:
    """Release, Defer or Suppress at `now` (aware, UTC). history: the person's contacts of the last `policy.lookback`, any order.

    Of several channels the first is taken that lets the message go some time; when none does, the first names the reason.
    A Defer is always to an instant at which the hours are open, before the message expires.
    """
    hours = timetable(calendar)
    refused: Suppress | None = None
    for channel in candidate.channels:
        admission = Admission(candidate, channel, person, policy, hours)
        verdict = admission.verdict(now) or _among_others(candidate, admission, person, history, policy, now)
        if not isinstance(verdict, Suppress):
            return verdict
        refused = refused or verdict
    return refused or _UNREACHABLE


def _among_others(
    candidate: Candidate, admission: Admission, person: Person, history: Sequence[Contact], policy: Policy, now: datetime
) -> Verdict:
    block = _block(candidate, admission.channel, person, history, policy, now)
    return admission.wait(*block) if block else _release(admission.channel)


def _block(candidate: Candidate, channel: str, person: Person, history: Sequence[Contact], policy: Policy, now: datetime) -> Block | None:
    overlap, free = policy.rules.overlap, policy.category(candidate.category).ignore
    return (
        ("topic" not in free and same_topic(candidate, history, overlap.same_topic, now))
        or ("gap" not in free and gap(candidate, history, overlap.gap, now))
        or ("caps" not in free and cap(candidate, channel, history, overlap.caps, person.zone, now, policy.uncounted))
        or None
    )


@lru_cache(maxsize=64)
def _release(channel: str) -> Release:
    return Release(channel)
