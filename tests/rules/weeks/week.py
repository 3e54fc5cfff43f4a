"""One week without a database, as it stands: who there is, what waits, what was sent, what is in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.models import Category
from rules.facts import Candidate, Contact, Person, Policy
from tests.rules.weeks import worlds
from tests.rules.weeks.almanac import EVER, Almanac, almanac
from tests.rules.weeks.digests import Inside
from tests.rules.weeks.precedence import Expected, Sending
from tests.rules.weeks.rulebook import Rulebook
from tests.rules.weeks.verdicts import NEEDS_ADDRESS, PERSONAL, Goes
from tests.rules.weeks.worlds import Book, Pick


@dataclass
class Letter:
    """A message on its way. planned, ready: minutes. outcome: at which minute it becomes what. carrier: the message it is inside."""

    base: Candidate
    planned: int
    state: str = "waiting"
    ready: int | None = None
    attempts: int = 0
    reason: str = ""
    contact: Contact | None = None
    outcome: tuple[int, str] = (0, "")
    carrier: int | None = None

    @property
    def counts(self) -> bool:
        return self.state in ("out", "sent", "unknown")

    def end(self) -> None:
        """What was said of it when it was sent comes true."""
        self.state = self.outcome[1]
        if self.state == "retry":
            self.state, self.ready = "waiting", self.outcome[0] + 30


@dataclass
class Week:
    """now: the minute the valve judges by; clock: what the clock says. blocked: channels whose account takes nothing until a minute."""

    pick: Pick
    rulebook: Rulebook
    almanac: Almanac
    book: Book
    policy: Policy
    people: dict[int, Person]
    past: Mapping[int, Sequence[Contact]]
    letters: list[Letter]
    now: int = 0
    clock: int = 0
    paused: set[str] = field(default_factory=set)
    blocked: dict[str, int] = field(default_factory=dict)
    sendings: list[Sending] = field(default_factory=list)
    met: list[str] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)

    def advance(self, minutes: int) -> None:
        """A clock may go back; the valve's now never does."""
        self.clock += minutes
        self.now = max(self.now, self.clock)
        for letter in self.letters:
            if letter.state == "out" and letter.outcome[0] <= self.now:
                letter.end()
        self._unload()

    def waiting(self) -> list[Letter]:
        """What is planned and not held by a pause."""
        here = (letter for letter in self.letters if letter.state == "waiting" and letter.planned <= self.now)
        return [letter for letter in here if self.paused.isdisjoint((letter.base.campaign, letter.base.channels[0]))]

    def looked_at(self, letter: Letter, room: Mapping[str, int]) -> bool:
        """Whether its window is open, if it has one, and its channel is not full."""
        opens = EVER if letter.base.window is None else self.hours_of(letter)
        return room.get(letter.base.channels[0], 1) > 0 and bool(opens >> self.now & 1)

    def hours_of(self, letter: Letter) -> int:
        return self.almanac.open(letter.base.window, self.people[letter.base.person_id].zone) if letter.base.window else 0

    def candidate(self, letter: Letter) -> Candidate:
        """With the newest priority; a message that was tried has no patience to lose."""
        category = self.book.rules.categories.get(letter.base.category, Category())
        ready = max(letter.ready or 0, self.blocked.get(letter.base.channels[0], 0))
        return replace(
            letter.base,
            priority=category.priority,
            ready_at=self.almanac.at(ready) if ready else None,
            queue_until=None if letter.attempts else letter.base.queue_until,
        )

    def contacts(self, person: int) -> list[Contact]:
        own = (letter.contact for letter in self.letters if letter.counts and letter.base.person_id == person)
        return [*self.past[person], *(contact for contact in own if contact)]

    def settle(self, message: Candidate, answer: Expected | Inside) -> None:
        """What was decided happens to the message."""
        letter = self.letters[message.id - 1]
        self.met.append(kind(answer))
        self.diary.append(f"{self.now}: {message.id} of {message.person_id}: {answer}")
        if isinstance(answer, Goes):
            at = self.almanac.at(self.now)
            letter.contact = Contact(message.id, message.run_id, answer.channel, message.category, message.topic, at)
            letter.outcome = self.now + self.pick((0, 0, 3, 40)), self.pick(worlds.OUTCOMES)
            letter.state, letter.attempts = "out", letter.attempts + 1
        elif isinstance(answer, Inside):
            letter.state, letter.carrier = "merged", answer.carrier
        elif answer is not None:
            letter.reason = f"{answer.code}:{min(answer.details)}"
            letter.state, letter.ready = ("suppressed", None) if answer.until is None else ("waiting", answer.until)
        self._unload()

    def _unload(self) -> None:
        """What was inside a message that will not go waits again."""
        gone = {letter.base.id for letter in self.letters if letter.state in ("failed", "suppressed")}
        for letter in self.letters:
            if letter.carrier in gone:
                letter.state, letter.carrier, letter.ready = "waiting", None, None


def kind(answer: Expected | Inside) -> str:
    if answer is None or isinstance(answer, Goes):
        return "goes" if answer else "room"
    if isinstance(answer, Inside):
        return "inside"
    return f"{answer.code}, {'dropped' if answer.until is None else 'waits'}"


def begin(pick: Pick, rules: Rulebook) -> Week:
    """People, what they got before, and what will be planned."""
    start = pick(sorted(worlds.STARTS))
    book = worlds.book(pick, worlds.STARTS[start])
    calendar = almanac(start, book.added)
    people = {id: worlds.person(pick, id) for id in range(1, pick((1, 1, 1, 2, 3)) + 1)}
    now = pick(worlds.BEGINNINGS)
    past = {id: [worlds.before(pick, 900 + 10 * id + n, calendar.at(now)) for n in range(pick((0, 0, 2, 4)))] for id in people}
    policy = rules.policy(book.rules, PERSONAL, NEEDS_ADDRESS)
    return Week(pick, rules, calendar, book, policy, people, past, list(_letters(pick, calendar, sorted(people), now)), now, now)


def _letters(pick: Pick, calendar: Almanac, people: Sequence[int], now: int) -> Iterator[Letter]:
    favourites = pick(worlds.FAVOURITES)
    runs = [worlds.run(pick, id, now) for id in range(1, pick((3, 4, 5)) + 1)]
    for id in range(1, pick((4, 6, 8, 10)) + 1):
        run, person, channel, second = pick(runs), pick(people), pick(favourites), pick((*(None,) * 6, *favourites))
        base = Candidate(
            id=id,
            person_id=person,
            run_id=run.id,
            campaign=f"campaign-{run.id}",
            channels=(channel,) if second in (None, channel) else (channel, second),
            category=run.category,
            topic=run.topic,
            priority=0,
            window_name="window",
            window=pick(worlds.WINDOWS),
            expires_at=calendar.at(run.expires),
            queued_at=calendar.at(run.planned),
            queue_until=None if run.patience is None else calendar.at(run.planned + run.patience),
        )
        yield Letter(base, run.planned)
