"""Digests: what waits of one category for the same person by the same channel goes inside the first message of it that is released."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from rules.admission import goes_by
from rules.arbitration import Decision
from rules.calendar import HolidayCalendar
from rules.facts import Candidate, Code, Contact, Merge, Person, Policy, Release, Verdict
from rules.spacing import same_topic
from rules.timetable import timetable

MOST = 10  # messages in one, the carrier among them: with titles and lines of 200 characters a push stays below FCM's 4,096 bytes

Outcome = tuple[Candidate, Verdict | Merge | None]


def merge(
    decisions: Sequence[Decision],
    waiting: Iterable[Candidate],
    people: Mapping[int, Person],
    history: Mapping[int, Sequence[Contact]],
    policy: Policy,
    calendar: HolidayCalendar,
    now: datetime,
    *,
    able: Collection[int],
    apart: Collection[int] = frozenset(),
) -> list[Outcome]:
    """What `arbitrate` returned, with Merge in place of what goes inside a released message; of `waiting` only what is merged, at the end.

    decisions: in rank order. waiting: what else of the same people waits and is not held; not decided, at any time of its own
    able:  ids of messages whose digest has words on the channel they would go by
    apart: ids of messages that carry others already or were tried before: nothing more joins them, and they join nothing

    A merged message passes every check about itself at `now`, and that of its topic; gap, caps and priority are not asked, since it
    costs no contact of its own. What had to wait because of a message that is merged gets None, to be judged again without it.
    """
    if not any(isinstance(verdict, Release) and candidate.id in able for candidate, verdict in decisions):
        return list(decisions)
    table = _Table(decisions, waiting, people, history, policy, calendar, now, apart)
    for candidate, verdict in decisions:
        if isinstance(verdict, Release) and candidate.id in able:
            table.load(candidate, verdict.channel)
    return table.outcomes()


class _Table:
    """The people of one call, with who is carried by whom."""

    def __init__(
        self,
        decisions: Sequence[Decision],
        waiting: Iterable[Candidate],
        people: Mapping[int, Person],
        history: Mapping[int, Sequence[Contact]],
        policy: Policy,
        calendar: HolidayCalendar,
        now: datetime,
        apart: Collection[int],
    ) -> None:
        self._decisions, self._people, self._history = decisions, people, history
        self._policy, self._now, self._apart = policy, now, apart
        self._timetable = timetable(calendar)
        self._place = {candidate.id: place for place, (candidate, _) in enumerate(decisions)}
        self._released = {candidate.id: verdict.channel for candidate, verdict in decisions if isinstance(verdict, Release)}
        self._others = [other for other in waiting if other.id not in self._place]
        self._company: dict[int, list[Candidate]] = {}
        for other in (*(candidate for candidate, _ in decisions), *self._others):
            self._company.setdefault(other.person_id, []).append(other)
        self._merged: dict[int, Merge] = {}

    def load(self, carrier: Candidate, channel: str) -> None:
        """Put into a released message all that may go inside it, unless it goes inside another itself."""
        if carrier.id in self._merged or carrier.id in self._apart:
            return
        carried = 1
        for other in self._company[carrier.person_id]:
            if carried < MOST and self._is_free(other, carrier) and self._joins(other, carrier, channel):
                self._merged[other.id] = Merge(carrier.id, channel)
                carried += 1

    def outcomes(self) -> list[Outcome]:
        lighter = {
            candidate.person_id for candidate, _ in self._decisions if candidate.id in self._merged and candidate.id in self._released
        }
        found: list[Outcome] = [
            (candidate, self._merged.get(candidate.id) or self._without_merged(verdict, lighter=candidate.person_id in lighter))
            for candidate, verdict in self._decisions
        ]
        return found + [(other, self._merged[other.id]) for other in self._others if other.id in self._merged]

    def _is_free(self, other: Candidate, carrier: Candidate) -> bool:
        """Not taken, no carrier, and no release that ranks before this one."""
        ranks_before = other.id in self._released and self._place[other.id] <= self._place[carrier.id]
        return not ranks_before and other.id not in self._merged and other.id not in self._apart

    def _joins(self, other: Candidate, carrier: Candidate, channel: str) -> bool:
        category = self._policy.category(carrier.category)
        if other.category != carrier.category or category.digest is None or other.queued_at is None or carrier.queued_at is None:
            return False
        if abs(other.queued_at - carrier.queued_at) > category.digest.within or self._goes_by(other) != channel:
            return False
        contacts = [*self._history.get(other.person_id, ()), *self._contacts(carrier)]
        return "topic" in category.ignore or not same_topic(other, contacts, self._policy.rules.overlap.same_topic, self._now)

    def _goes_by(self, other: Candidate) -> str | None:
        return goes_by(other, self._people[other.person_id], self._policy, self._timetable, self._now)

    def _contacts(self, carrier: Candidate) -> list[Contact]:
        """What else the same call tells the person, by a message of its own or inside another carrier."""
        return [
            Contact(other.id, other.run_id, channel, other.category, other.topic, self._now)
            for other in self._company[carrier.person_id]
            if other.id != carrier.id and (channel := self._told_by(other, carrier))
        ]

    def _told_by(self, other: Candidate, carrier: Candidate) -> str | None:
        if inside := self._merged.get(other.id):
            return inside.channel if inside.carrier_id != carrier.id else None
        return self._released.get(other.id)

    def _without_merged(self, verdict: Verdict | None, *, lighter: bool) -> Verdict | None:
        """None for a wait that a merged message is the reason of. lighter: a release to the person was merged, and left the caps."""
        if verdict is None or isinstance(verdict, Release):
            return verdict
        detail = verdict.reason.detail
        named = detail.isdigit() and int(detail) in self._merged
        return None if named or (lighter and verdict.reason.code is Code.CAP) else verdict
