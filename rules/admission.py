"""The checks that look at one message and its person alone: consent, hours, address, expiry, window."""

from __future__ import annotations

from datetime import datetime

from config.values import OpenHours
from rules.consent import offer_hours, refusal
from rules.facts import Candidate, Code, Defer, Person, Policy, Reason, Suppress
from rules.timetable import Timetable
from rules.windows import Openings

CONTACT_HOURS = "contact_hours"
QUEUE_FOR = "queue_for"


class Admission:
    """One message on one channel: the hours it may go at, and whether it may go now as far as it alone is concerned."""

    __slots__ = ("_base", "_candidate", "_deadline", "_offer", "_offer_hours", "_person", "_policy", "_timetable", "channel", "openings")

    def __init__(self, candidate: Candidate, channel: str, person: Person, policy: Policy, timetable: Timetable) -> None:
        category = policy.category(candidate.category)
        self.channel = channel
        self._candidate, self._person, self._policy, self._timetable = candidate, person, policy, timetable
        self._deadline = candidate.deadline
        self._offer = category.offer
        self._offer_hours = offer_hours(channel, person, policy) if category.offer else ()
        self._base = _base(candidate, person, free="window" in category.ignore)
        self.openings: Openings | None = None  # None: no window applies, so it can never go
        if self._base is not None:
            self.openings = timetable.openings(person.zone, self._base, self._offer_hours)

    def verdict(self, now: datetime) -> Defer | Suppress | None:
        """None: it may go now. The first check that fails names the reason."""
        candidate, channel, openings = self._candidate, self.channel, self.openings
        if self._offer and (refused := refusal(channel, self._person)):
            return Suppress(refused)
        opening = openings.opening(now) if openings else None
        closed = opening is None or opening[0] > now
        if closed and self._offer_hours and (held := self._outside_hours(now)):
            return held
        if channel in self._policy.needs_address and channel not in self._person.reachable:
            return Suppress(Reason(Code.NO_ADDRESS, channel))
        if now >= self._deadline:
            return Suppress(Reason(Code.EXPIRED, "" if now >= candidate.expires_at else QUEUE_FOR))
        return self._outside_window(now) if closed else None

    def wait(self, until: datetime, reason: Reason) -> Defer | Suppress:
        """Deferred to the first opening at or after `until`; suppressed for the same reason when that comes too late."""
        if self.openings is None or until >= self._deadline:
            return Suppress(reason)
        opens = self.openings.next(until, self._deadline)
        return Defer(opens, reason) if opens else Suppress(reason)

    def _outside_hours(self, now: datetime) -> Defer | Suppress | None:
        """None: it is not for want of consent that it waits, since its window opens no sooner, too late, or never."""
        opens = self._base_opens(now)
        if opens is None or opens >= self._deadline or (self.openings and self.openings.next(now) == opens):
            return None
        return self.wait(now, Reason(Code.NO_HOURS_CONSENT, self.channel))

    def _outside_window(self, now: datetime) -> Defer | Suppress:
        opens, name = self._base_opens(now), self._candidate.window_name
        window = self._candidate.window
        if window is not None and self._base != (window,):
            alone = self._timetable.openings(self._person.zone, (window,))
            name = CONTACT_HOURS if (alone.next(now) if opens is None else alone.is_open(now)) else name
        if opens is None:
            return Suppress(Reason(Code.NO_WINDOW, name))
        return self.wait(now, Reason(Code.OUTSIDE_WINDOW, name))

    def _base_opens(self, now: datetime) -> datetime | None:
        """When window and contact hours, consent aside, are next open."""
        return None if self._base is None else self._timetable.openings(self._person.zone, self._base).next(now)


def goes_by(candidate: Candidate, person: Person, policy: Policy, timetable: Timetable, now: datetime) -> str | None:
    """The channel by which a message would go now as far as it alone is concerned; None when by none."""
    for channel in candidate.channels:
        verdict = Admission(candidate, channel, person, policy, timetable).verdict(now)
        if not isinstance(verdict, Suppress):
            return channel if verdict is None else None
    return None


def _base(candidate: Candidate, person: Person, *, free: bool) -> tuple[OpenHours, ...] | None:
    if free:
        return ()
    if candidate.window is None:
        return None
    return (candidate.window, person.contact_hours) if person.contact_hours else (candidate.window,)
