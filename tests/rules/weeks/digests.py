"""What goes inside another message: the rule of digests once more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rules.facts import Candidate, Contact
from tests.rules.weeks.precedence import Expected, Sending, Tick
from tests.rules.weeks.verdicts import Case, Goes, Held, failures

MOST = 10
OF_ITS_OWN = ("opted_out", "no_consent", "no_hours_consent", "no_address", "expired", "no_window", "outside_window")


@dataclass(frozen=True, slots=True)
class Inside:
    carrier: int
    channel: str


def digested(tick: Tick, waiting: Sequence[Candidate], able: Collection[int], apart: Collection[int]) -> dict[int, Inside]:
    """What goes inside a message that goes, by its id. waiting: all that waits of the same people, looked at or not."""
    company = [Case(message, tick.people[message.person_id], tick.rules, tick.almanac) for message in waiting]
    inside: dict[int, Inside] = {}
    for place, sending in enumerate(tick.sendings):
        carrier = sending.case.message.id
        if carrier not in able or carrier in apart or carrier in inside:
            continue
        before = {each.case.message.id for each in tick.sendings[: place + 1]}
        for case in [case for case in company if case.person == sending.case.person and case.message.id not in {*before, *inside, *apart}]:
            if list(inside.values()).count(Inside(carrier, sending.contact.channel)) < MOST - 1 and _fits_inside(
                tick, case, sending, company, inside
            ):
                inside[case.message.id] = Inside(carrier, sending.contact.channel)
    return inside


def judged_again(tick: Tick, inside: Collection[int], answer: Expected, named: str, person: int) -> bool:
    """Whether it waits because of a message that goes inside another now. named: what the reason names."""
    if not isinstance(answer, Held):
        return False
    lighter = any(each.case.message.id in inside for each in tick.sendings if each.case.person.id == person)
    return named in map(str, inside) or (answer.code == "cap" and lighter)


def _fits_inside(tick: Tick, case: Case, sending: Sending, company: Sequence[Case], inside: Mapping[int, Inside]) -> bool:
    mine, carrier = case.message, sending.case.message
    digest = case.category.digest
    if digest is None or mine.category != carrier.category or mine.queued_at is None or carrier.queued_at is None:
        return False
    alone = [_alone(case, channel, tick.now) for channel in mine.channels]
    hopeful = [answer for answer in alone if isinstance(answer, Goes) or answer.until is not None]
    if abs(mine.queued_at - carrier.queued_at) > digest.within or not hopeful or hopeful[0] != Goes(sending.contact.channel):
        return False
    others = [
        each.contact for each in tick.sendings if each.case.person == case.person and each.case.message.id not in {carrier.id, *inside}
    ]
    elsewhere = [
        tick.as_sent(each, inside[each.message.id].channel)
        for each in company
        if each.person == case.person and inside.get(each.message.id, Inside(carrier.id, "")).carrier != carrier.id
    ]
    about = [each for each in (*tick.history[mine.person_id], *others, *elsewhere) if mine.topic is not None and each.topic == mine.topic]
    distance = case.rules.overlap.same_topic
    near: list[Contact] = [each for each in about if each.run_id != mine.run_id and tick.almanac.at(tick.now) - each.at < distance]
    return "topic" in case.category.ignore or not near


def _alone(case: Case, channel: str, now: int) -> Goes | Held:
    """As far as it and its person alone are concerned."""
    return next((failure for failure in failures(case, channel, (), now) if failure.code in OF_ITS_OWN), Goes(channel))
