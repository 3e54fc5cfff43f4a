"""Who goes first: many people's messages judged in one total order, each against what the same call released before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rules.calendar import HolidayCalendar
from rules.facts import Candidate, Code, Contact, Defer, Person, Policy, Reason, Release, Verdict
from rules.judge import judge

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
) -> list[Decision]:
    """One decision a candidate, in rank order. people and history by person id; a person without history may be missing there.

    room: how many more messages each channel may take now; a channel not named has no limit. A message that could go but finds
    no room gets None and stays queued, and keeps its place: less important messages of the same person that only it would
    block wait for it. Raises KeyError for a candidate whose person is not in `people`.
    """
    ordered = sorted(candidates, key=rank)
    crowd = Counter(candidate.person_id for candidate in ordered)
    desk = _Desk(people, history, policy, calendar, now, room)
    return [(candidate, desk.decide(candidate, alone=crowd[candidate.person_id] == 1)) for candidate in ordered]


class _Desk:
    """What one call has released, and what waits for room."""

    def __init__(
        self,
        people: Mapping[int, Person],
        history: Mapping[int, Sequence[Contact]],
        policy: Policy,
        calendar: HolidayCalendar,
        now: datetime,
        room: Mapping[str, int],
    ) -> None:
        self._people, self._history = people, history
        self._policy, self._calendar, self._now = policy, calendar, now
        self._room = dict(room)
        self._told: dict[int, list[Contact]] = {}  # history and what was released here, of those who were released something
        self._waiting: dict[int, list[Contact]] = {}

    def decide(self, candidate: Candidate, *, alone: bool) -> Verdict | None:
        """alone: no other candidate is the person's, so that nobody needs to hear of this one."""
        told = self._told.get(candidate.person_id) or self._history.get(candidate.person_id, ())
        verdict = self._judge(candidate, told)
        if not isinstance(verdict, Release):
            return verdict
        if waiting := self._waiting.get(candidate.person_id):
            held = self._judge(candidate, [*told, *waiting])
            if not isinstance(held, Release):
                return self._held_back(candidate, told, waiting, held)
        granted = self._take_room(verdict.channel)
        if not alone:
            self._note(candidate, told, verdict.channel, granted=granted)
        return verdict if granted else None

    def _judge(self, candidate: Candidate, contacts: Sequence[Contact]) -> Verdict:
        return judge(candidate, self._people[candidate.person_id], contacts, self._policy, self._calendar, self._now)

    def _take_room(self, channel: str) -> bool:
        left = self._room.get(channel)
        if left is not None:
            self._room[channel] = max(left - 1, 0)
        return left is None or left > 0

    def _note(self, candidate: Candidate, told: Sequence[Contact], channel: str, *, granted: bool) -> None:
        contact = Contact(candidate.id, candidate.run_id, channel, candidate.category, candidate.topic, self._now)
        if granted:
            self._told[candidate.person_id] = [*told, contact]
        else:
            self._waiting.setdefault(candidate.person_id, []).append(contact)

    def _held_back(self, candidate: Candidate, told: Sequence[Contact], waiting: Sequence[Contact], held: Verdict) -> Verdict | None:
        """Deferred behind the message that waits; not suppressed for its sake, since it may yet not go."""
        if not isinstance(held, Defer):
            return None
        blocker = next((each for each in waiting if not isinstance(self._judge(candidate, [*told, each]), Release)), waiting[0])
        return Defer(held.until, Reason(Code.PENDING_HIGHER_PRIORITY, str(blocker.message_id)))
