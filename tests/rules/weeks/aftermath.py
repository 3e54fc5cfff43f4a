"""A week looked back on: what was sent against every rule and every other message, with no oracle of decisions in between."""

from __future__ import annotations

from collections.abc import Iterator

from tests.rules import oracle
from tests.rules.weeks.almanac import LENGTH
from tests.rules.weeks.precedence import Sending
from tests.rules.weeks.verdicts import NEEDS_ADDRESS, PERSONAL, Goes, verdict
from tests.rules.weeks.week import Week


def breaches(week: Week) -> Iterator[str]:
    """Each rule that was broken by what was sent and still counts, given what was sent before it."""
    last = {each.case.message.id: each for each in week.sendings}
    kept = {letter.base.id for letter in week.letters if letter.counts}
    sent = [each for each in week.sendings if each is last[each.case.message.id] and each.case.message.id in kept]
    for number, each in enumerate(sent):
        person, rules = each.case.person, each.case.rules
        before = [*week.past[person.id], *(other.contact for other in sent[:number] if other.case.person.id == person.id)]
        policy = week.rulebook.policy(rules, PERSONAL, NEEDS_ADDRESS)
        holidays = each.case.almanac.holidays
        found = oracle.breaches(each.case.message, each.contact.channel, person, before, policy, each.contact.at, holidays.__contains__)
        yield from (f"{each.contact} to {person}: {rule}" for rule in found)


def lost(week: Week) -> list[str]:
    """Messages that never ended, or that were dropped without a reason."""
    ends = ("sent", "failed", "unknown", "suppressed", "merged")
    return [str(each) for each in week.letters if each.state not in ends or (each.state == "suppressed" and not each.reason)]


def overtaken(sending: Sending) -> Iterator[int]:
    """Ids of the greater messages that it robbed of their turn: looked for at every minute until its hours close."""
    blocked = [*sending.told, sending.contact]
    for other, ready in sending.ahead:
        for minute in range(max(ready, sending.now), _closes(sending)):
            if isinstance(verdict(other, sending.told, minute), Goes):
                if not isinstance(verdict(other, blocked, minute), Goes):
                    yield other.message.id
                break


def _closes(sending: Sending) -> int:
    case, zone = sending.case, sending.case.person.zone
    hours = case.hours(sending.contact.channel)[1]
    closed = (minute for minute in range(sending.now, LENGTH) if not hours >> minute & 1)
    today = case.almanac.clock(zone, sending.now).date()
    return next(closed, 0) or next(n for n in range(sending.now, LENGTH) if case.almanac.clock(zone, n).date() != today)
