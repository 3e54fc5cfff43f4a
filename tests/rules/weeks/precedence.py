"""What must become of everything one tick looks at: one order, room for so many, and lesser messages that wait for greater ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from config.models import Rules
from rules.facts import Candidate, Contact, Person
from tests.rules.weeks.almanac import EVER, Almanac, first
from tests.rules.weeks.verdicts import Case, Goes, Held, verdict

Expected = Goes | Held | None  # None: it stays queued, for want of room
LOOK_AGAIN = 5  # minutes


def rank(message: Candidate) -> tuple[object, ...]:
    return -message.priority, message.expires_at, message.run_id, message.id


@dataclass(frozen=True, slots=True)
class Sending:
    """A message that goes. told: what the person got before; ahead: what waits and ranks before it, each from which minute on."""

    case: Case
    now: int
    contact: Contact
    told: Sequence[Contact]
    ahead: Sequence[tuple[Case, int]]


@dataclass
class Tick:
    """One tick, as far as it is decided. ahead: each person's waiting messages so far, and the minute from which each may go."""

    people: Mapping[int, Person]
    history: Mapping[int, Sequence[Contact]]
    rules: Rules
    almanac: Almanac
    now: int
    room: dict[str, int]
    ahead: list[tuple[Case, int]] = field(default_factory=list)
    sendings: list[Sending] = field(default_factory=list)

    def decide(self, candidates: Sequence[Candidate], rivals: Iterable[Candidate]) -> dict[int, Expected]:
        """What must become of each candidate, by its id."""
        decided: dict[int, Expected] = {}
        looked_at = {message.id for message in candidates}
        for message in sorted([*candidates, *rivals], key=rank):
            case = Case(message, self.people[message.person_id], self.rules, self.almanac)
            if message.id in looked_at:
                decided[message.id] = self._settle(case)
            else:
                self._expect(case, self.almanac.minute(message.ready_at) if message.ready_at else self.now)
        return decided

    def contacts(self, case: Case) -> list[Contact]:
        mine = case.message.person_id
        return [*self.history.get(mine, ()), *(each.contact for each in self.sendings if each.case.message.person_id == mine)]

    def _settle(self, case: Case) -> Expected:
        answer = self._answer(case)
        if isinstance(answer, Goes):
            sent, ahead = self.as_sent(case, answer.channel), [(other, ready) for other, ready in self.ahead if other.person == case.person]
            self.sendings.append(Sending(case, self.now, sent, self.contacts(case), ahead))
            if answer.channel in self.room:
                self.room[answer.channel] -= 1
        elif answer is None:
            self._expect(case, self.now)
        elif answer.until is not None:
            self._expect(case, answer.until)
        return answer

    def _expect(self, case: Case, ready: int) -> None:
        self.ahead.append((case, max(ready, self.now)))

    def _answer(self, case: Case) -> Expected:
        answer = verdict(case, self.contacts(case), self.now)
        if isinstance(answer, Held):
            return answer
        for other, ready in self.ahead:
            if other.message.person_id == case.message.person_id and (goes := self._needs(other, ready, case, answer.channel)) is not None:
                return self._behind(case, answer.channel, other, goes)
        return answer if self.room.get(answer.channel, 1) > 0 else None

    def _needs(self, other: Case, ready: int, case: Case, channel: str) -> int | None:
        """When the other could still go in the same opening, if this one sent now would keep it from that."""
        goes = first_go(other, self.contacts(case), ready, self._closes(case, channel))
        if goes is None:
            return None
        blocked = [*self.contacts(case), self.as_sent(case, channel)]
        return None if isinstance(verdict(other, blocked, goes), Goes) else goes

    def _closes(self, case: Case, channel: str) -> int:
        closed = first(EVER & ~case.hours(channel)[1], self.now)
        return self.almanac.next_midnight(case.person.zone, self.now) if closed is None else closed

    def _behind(self, case: Case, by: str, other: Case, goes: int) -> Expected:
        until: int | None = goes
        if goes == self.now:
            channel = verdict(other, self.contacts(case), goes)
            assert isinstance(channel, Goes)
            after = verdict(case, [*self.contacts(case), self.as_sent(other, channel.channel)], goes)
            until = None if isinstance(after, Goes) else after.until
            if until is None:
                until = self.now + LOOK_AGAIN
                if until >= min(self._closes(case, by), case.deadline):
                    return None
        return case.wait("pending_higher_priority", [str(other.message.id)], until)

    def as_sent(self, case: Case, channel: str) -> Contact:
        mine = case.message
        return Contact(mine.id, mine.run_id, channel, mine.category, mine.topic, self.almanac.at(self.now))


def first_go(case: Case, contacts: Sequence[Contact], since: int, before: int) -> int | None:
    """The first minute in [since, before) at which it may go. What a check says until then, it says at every minute between."""
    minute: int | None = since
    while minute is not None and minute < before:
        answer = verdict(case, contacts, minute)
        if isinstance(answer, Goes):
            return minute
        minute = answer.until
    return None
