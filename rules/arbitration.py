"""Who goes first: many people's messages judged in one total order, each against what the same call released before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from rules.calendar import HolidayCalendar
from rules.facts import Candidate, Contact, Defer, Person, Policy, Release, Suppress, Verdict
from rules.judge import judge
from rules.precedence import Waiting, in_the_way, yields

Decision = tuple[Candidate, Verdict | None]


def rank(candidate: Candidate) -> tuple[int, datetime, int, int]:
    """The more important first, then what expires earlier, the earlier run, the earlier message: no ties."""
    return -candidate.priority, candidate.expires_at, candidate.run_id, candidate.id


def arbitrate(
    candidates: Iterable[Candidate],
    people: Mapping[int, Person],
    history: Mapping[int, Sequence[Contact]],
    policy: Policy,
    calendar: HolidayCalendar,
    now: datetime,
    room: Mapping[str, int],
    rivals: Iterable[Candidate] = (),
    kept: Mapping[str, int] = MappingProxyType({}),
    important: int = 0,
) -> list[Decision]:
    """One decision a candidate, in rank order. people and history by person id; a person without history may be missing there.

    room: how many more messages each channel may take now; a channel not named has no limit. A message that could go but finds
    no room gets None and stays queued, and keeps its place.
    kept: how many more than that, if their priority is `important` or higher.
    rivals: what else of the same people waits and may go later: not decided here, but a candidate that ranks behind one waits
    for it when it would stand in its way. Raises KeyError for a candidate whose person is not in `people`.
    """
    decided = {candidate.id: candidate for candidate in candidates}
    everyone = sorted([*decided.values(), *(rival for rival in rivals if rival.id not in decided)], key=rank)
    crowd = Counter(candidate.person_id for candidate in everyone)
    desk = _Desk(people, history, policy, calendar, now, _Room(room, kept, important))
    decisions: list[Decision] = []
    for candidate in everyone:
        if candidate.id in decided:
            decisions.append((candidate, desk.decide(candidate, alone=crowd[candidate.person_id] == 1)))
        else:
            desk.expect(candidate, candidate.ready_at)
    return decisions


class _Room:
    """What each channel still takes; what is important also takes of what is kept for it."""

    def __init__(self, room: Mapping[str, int], kept: Mapping[str, int], important: int) -> None:
        self._left, self._kept, self._important = dict(room), kept, important

    def granted(self, candidate: Candidate, verdict: Release) -> Release | None:
        left = self._left.get(verdict.channel)
        if left is None:
            return verdict
        spare = self._kept.get(verdict.channel, 0) if candidate.priority >= self._important else 0
        if left + spare <= 0:
            return None
        self._left[verdict.channel] = left - 1
        return verdict


class _Desk:
    """What one call has released, and what waits, of each person."""

    def __init__(
        self,
        people: Mapping[int, Person],
        history: Mapping[int, Sequence[Contact]],
        policy: Policy,
        calendar: HolidayCalendar,
        now: datetime,
        room: _Room,
    ) -> None:
        self._people, self._history = people, history
        self._policy, self._calendar, self._now = policy, calendar, now
        self._room = room
        self._told: dict[int, list[Contact]] = {}  # history and what was released here, of those who were released something
        self._ahead: dict[int, list[Waiting]] = {}  # what waits, the most important first

    def decide(self, candidate: Candidate, *, alone: bool) -> Verdict | None:
        """alone: nothing else of the person's waits, so that nobody needs to hear of this one."""
        person_id = candidate.person_id
        told = self._told.get(person_id) or self._history.get(person_id, ())
        verdict: Verdict | None = judge(candidate, self._people[person_id], told, self._policy, self._calendar, self._now)
        if alone:
            return self._room.granted(candidate, verdict) if isinstance(verdict, Release) else verdict
        if isinstance(verdict, Release):
            verdict = self._in_turn(candidate, verdict, told)
        if isinstance(verdict, Release):
            self._told[person_id] = [*told, _contact(candidate, verdict.channel, self._now)]
        elif not isinstance(verdict, Suppress):
            self.expect(candidate, verdict.until if isinstance(verdict, Defer) else None)
        return verdict

    def expect(self, candidate: Candidate, ready_at: datetime | None) -> None:
        """It waits, and not before `ready_at` it may go."""
        self._ahead.setdefault(candidate.person_id, []).append(Waiting(candidate, max(ready_at or self._now, self._now)))

    def _in_turn(self, candidate: Candidate, verdict: Release, told: Sequence[Contact]) -> Verdict | None:
        if ahead := self._ahead.get(candidate.person_id):
            person, contact = self._people[candidate.person_id], _contact(candidate, verdict.channel, self._now)
            if blocked := in_the_way(candidate, contact, ahead, person, told, self._policy, self._calendar, self._now):
                return yields(candidate, blocked, person, told, self._policy, self._calendar, self._now)
        return self._room.granted(candidate, verdict)


def _contact(candidate: Candidate, channel: str, at: datetime) -> Contact:
    return Contact(candidate.id, candidate.run_id, channel, candidate.category, candidate.topic, at)
