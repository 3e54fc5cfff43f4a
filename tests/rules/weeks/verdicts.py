"""What must become of one message at one minute: the rules once more, by listing contacts and looking at sets of minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.models import Cap, Category, Rules
from config.values import OpenHours
from rules.facts import Candidate, Contact, Person
from tests.rules.weeks.almanac import EVER, MINUTE, Almanac, between, first

# What the registry says of channels: where the law's hours bind offers unless the rules say otherwise, and where one needs an address.
PERSONAL, NEEDS_ADDRESS = ("whatsapp", "email"), ("push", "whatsapp", "email")


@dataclass(frozen=True, slots=True)
class Goes:
    channel: str


@dataclass(frozen=True, slots=True)
class Held:
    """until: a minute; None = it will never go. details: where two stand in the way alike, either may be named."""

    code: str
    details: frozenset[str]
    until: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """One message, its person, and what is in force."""

    message: Candidate
    person: Person
    rules: Rules
    almanac: Almanac

    @property
    def category(self) -> Category:
        return self.rules.categories.get(self.message.category, Category(offer=True))

    @property
    def deadline(self) -> int:
        """From this minute on it goes no more."""
        ends = [self.message.expires_at] + ([self.message.queue_until] if self.message.queue_until else [])
        return min(self.almanac.minute(end) for end in ends)

    def hours(self, channel: str) -> tuple[int, int]:
        """The minutes at which window and contact hours are open, and those of them at which consent lets it go."""
        return self._base(), self._base() & self._lawful(channel)

    def _base(self) -> int:
        if "window" in self.category.ignore:
            return EVER
        if self.message.window is None:
            return 0
        return self._open(self.message.window) & self._open(self.person.contact_hours)

    def _lawful(self, channel: str) -> int:
        personal = PERSONAL if self.rules.personal_channels is None else self.rules.personal_channels
        if not self.category.offer or channel not in personal:
            return EVER
        consent = self.person.consents.get(channel)
        return self._open(self.rules.offers_without_hours_consent) | (self._open(consent.hours) if consent and consent.hours else 0)

    def _open(self, hours: OpenHours | None) -> int:
        return EVER if hours is None else self.almanac.open(hours, self.person.zone)

    def wait(self, code: str, details: Sequence[str], until: int | None) -> Held:
        return Held(code, frozenset(details), until if until is not None and until < self.deadline else None)


def verdict(case: Case, contacts: Sequence[Contact], now: int) -> Goes | Held:
    """The first channel that lets it go some time; else what the first says."""
    answers = [on_channel(case, channel, contacts, now) for channel in case.message.channels]
    hopeful = [answer for answer in answers if isinstance(answer, Goes) or answer.until is not None]
    return (hopeful or answers)[0]


def on_channel(case: Case, channel: str, contacts: Sequence[Contact], now: int) -> Goes | Held:
    return next(failures(case, channel, contacts, now), Goes(channel))


def failures(case: Case, channel: str, contacts: Sequence[Contact], now: int) -> Iterator[Held]:
    """Every check that fails, in the one order of checks."""
    ignored, overlap = case.category.ignore, case.rules.overlap
    if case.category.offer:
        yield from _consent(case, channel)
    yield from _hours_consent(case, channel, now)
    if channel in NEEDS_ADDRESS and channel not in case.person.reachable:
        yield Held("no_address", frozenset({channel}), None)
    if now >= case.deadline:
        expired = now >= case.almanac.minute(case.message.expires_at)
        yield Held("expired", frozenset({"" if expired else "queue_for"}), None)
    yield from _window(case, channel, now)
    others = [contact for contact in contacts if contact.run_id != case.message.run_id]
    about = [contact for contact in others if contact.topic is not None and contact.topic == case.message.topic]
    if "topic" not in ignored:
        yield from _apart(case, channel, "same_topic", about, overlap.same_topic, now)
    if "gap" not in ignored:
        yield from _apart(case, channel, "gap", others, overlap.gap, now)
    if "caps" not in ignored:
        yield from _caps(case, channel, contacts, now)


def _consent(case: Case, channel: str) -> Iterator[Held]:
    consent = case.person.consents.get(channel)
    if channel in case.person.opted_out:
        yield Held("opted_out", frozenset({channel}), None)
    elif consent is None or not consent.marketing:
        yield Held("no_consent", frozenset({channel}), None)


def _hours_consent(case: Case, channel: str, now: int) -> Iterator[Held]:
    """It could go, if only the person had agreed to that hour."""
    base, lawful = case.hours(channel)
    opens = first(base, now)
    if opens is not None and opens < case.deadline and not lawful >> opens & 1:
        yield case.wait("no_hours_consent", [channel], first(lawful, now))


def _window(case: Case, channel: str, now: int) -> Iterator[Held]:
    base, lawful = case.hours(channel)
    if lawful >> now & 1:
        return
    window, own, name = case.message.window, case.person.contact_hours, case.message.window_name
    both = [hours for hours in (window, own) if hours is not None]
    if window is None or (first(base, now) is None and not case.almanac.ever_open(*both)):
        contact = window is not None and own is not None and case.almanac.ever_open(window)
        yield Held("no_window", frozenset({"contact_hours" if contact else name}), None)
    else:
        shut_by_person = own is not None and case.almanac.open(window, case.person.zone) >> now & 1
        yield case.wait("outside_window", ["contact_hours" if shut_by_person else name], first(lawful, now))


def _apart(case: Case, channel: str, code: str, contacts: Sequence[Contact], distance: timedelta, now: int) -> Iterator[Held]:
    long, blocked = distance // MINUTE, {contact.message_id: case.almanac.minute(contact.at) for contact in contacts}
    near = {message: at for message, at in blocked.items() if abs(now - at) < long}
    if near:
        free = case.hours(channel)[1]
        for at in near.values():
            free &= ~between(at - long + 1, at + long)
        last = max(near.values())
        yield case.wait(code, [str(message) for message, at in near.items() if at == last], first(free, now))


def _caps(case: Case, channel: str, contacts: Sequence[Contact], now: int) -> Iterator[Held]:
    caps = case.rules.overlap.caps
    full = [cap for cap in caps if not fits(case, cap, channel, contacts, now)]
    if not full:
        return
    frees = [next((at for at in _changes(case, contacts, now) if fits(case, cap, channel, contacts, at)), None) for cap in full]
    last = None if None in frees else max(at for at in frees if at is not None)
    until = None if last is None else first(case.hours(channel)[1], last)
    yield case.wait("cap", [cap.name for cap, at in zip(full, frees, strict=True) if at == last], until)


def _changes(case: Case, contacts: Sequence[Contact], now: int) -> list[int]:
    """The minutes from now on at which a count may change: a contact grows too old, or a day begins."""
    caps = case.rules.overlap.caps
    rolling = [case.almanac.minute(contact.at + cap.per) for contact in contacts for cap in caps if isinstance(cap.per, timedelta)]
    return sorted({minute for minute in (*rolling, *case.almanac.midnights(case.person.zone)) if minute > now})


def fits(case: Case, cap: Cap, channel: str, contacts: Sequence[Contact], now: int) -> bool:
    """Whether one more keeps within a cap. A run counts as often as it used its busiest channel, one's own by this channel only."""
    mine = case.message
    if cap.channel not in (None, channel) or cap.category not in (None, mine.category):
        return True
    counted = [
        contact
        for contact in contacts
        if cap.channel in (None, contact.channel)
        and cap.category in (None, contact.category)
        and _counts(case, contact)
        and (contact.run_id != mine.run_id or contact.channel == channel)
        and _in_period(case, cap, contact.at, now)
    ]
    used = [(contact.run_id, contact.channel) for contact in counted]
    return sum(max(used.count((run, by)) for by in {by for _, by in used}) for run in {run for run, _ in used}) < cap.max


def _counts(case: Case, contact: Contact) -> bool:
    category = case.rules.categories.get(contact.category)
    return category is None or category.counts_in_caps


def _in_period(case: Case, cap: Cap, at: datetime, now: int) -> bool:
    if isinstance(cap.per, timedelta):
        return case.almanac.at(now) - at < cap.per
    then, today = (case.almanac.clock(case.person.zone, minute) for minute in (case.almanac.minute(at), now))
    if cap.per == "day":
        return then.date() == today.date()
    if cap.per == "week":
        return then.isocalendar()[:2] == today.isocalendar()[:2]
    return (then.year, then.month) == (today.year, today.month)
