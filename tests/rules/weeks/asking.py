"""One tick of a week: the rules are asked as the valve asks them, and the oracle is asked the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rules.facts import Candidate
from tests.rules.weeks.almanac import Almanac
from tests.rules.weeks.digests import Inside, digested, judged_again
from tests.rules.weeks.precedence import Expected, Tick
from tests.rules.weeks.rulebook import Answers
from tests.rules.weeks.verdicts import Goes
from tests.rules.weeks.week import Week
from tests.rules.weeks.worlds import UNWORDED


def tick(week: Week, room: Mapping[str, int], *, thorough: bool) -> None:
    """Decides, compares and settles. Raises AssertionError at the first decision that the oracle would not take.

    thorough: also what the valve would not look at, since its window is closed or its channel is full, is asked about
    """
    free = dict(room) | {channel: 0 for channel, until in week.blocked.items() if until > week.now}
    waiting = week.waiting()
    due = [each for each in waiting if (each.ready or 0) <= week.now and (thorough or week.looked_at(each, free))]
    whose = {each.base.person_id for each in due}
    chosen = [week.candidate(each) for each in due]
    rivals = [week.candidate(each) for each in waiting if each not in due and each.base.person_id in whose]
    oracle = Tick(week.people, {id: week.contacts(id) for id in week.people}, week.book.rules, week.almanac, week.now, dict(free))
    expected = oracle.decide(chosen, rivals)
    answers = _arbitrated(week, chosen, rivals, free)
    _compare(week, expected, answers, rivals)
    final = _digested(week, oracle, expected, answers, rivals)
    week.sendings += [each for each in oracle.sendings if isinstance(final[each.case.message.id], Goes)]
    for message in (*chosen, *rivals):
        if message.id in final:
            week.settle(message, final[message.id])


def _arbitrated(week: Week, chosen: Sequence[Candidate], rivals: Sequence[Candidate], room: Mapping[str, int]) -> Answers:
    """History is read as far back as the policy says it matters."""
    now = week.almanac.at(week.now)
    history = {id: [each for each in week.contacts(id) if each.at >= now - week.policy.lookback] for id in week.people}
    calendar = week.rulebook.calendar(week.book.added)
    return week.rulebook.arbitrate(chosen, week.people, history, week.policy, calendar, now, room, rivals)


def _digested(
    week: Week, oracle: Tick, expected: Mapping[int, Expected], answers: Answers, rivals: Sequence[Candidate]
) -> dict[int, Expected | Inside]:
    able = {message.id for message, _ in answers if message.run_id != UNWORDED}
    apart = {each.carrier for each in week.letters if each.carrier} | {each.base.id for each in week.letters if each.attempts}
    inside = digested(oracle, [*(message for message, _ in answers), *rivals], able, apart)
    named = {message.id: getattr(getattr(verdict, "reason", None), "detail", "") for message, verdict in answers}
    final: dict[int, Expected | Inside] = {
        message.id: None
        if judged_again(oracle, inside, expected[message.id], named[message.id], message.person_id)
        else expected[message.id]
        for message, _ in answers
    } | inside
    now, calendar = week.almanac.at(week.now), week.rulebook.calendar(week.book.added)
    merged = week.rulebook.merge(answers, rivals, week.people, oracle.history, week.policy, calendar, now, able=able, apart=apart)
    _compare(week, final, merged, rivals)
    return final


def _compare(week: Week, expected: Mapping[int, Expected | Inside], answers: Answers, rivals: object) -> None:
    order = [message.id for message, _ in answers]
    assert sorted(order) == sorted(expected), f"should be about {sorted(expected)}, is about {order}"
    for message, verdict in answers:
        right = expected[message.id]
        assert agree(right, verdict, week.almanac), _difference(week, message, right, verdict, rivals)


def agree(expected: Expected | Inside, verdict: Any, almanac: Almanac) -> bool:
    """Whether kind, reason and minute are the same."""
    kind = type(verdict).__name__
    if expected is None:
        return verdict is None
    if isinstance(expected, Goes):
        return kind == "Release" and bool(verdict.channel == expected.channel)
    if isinstance(expected, Inside):
        return kind == "Merge" and (verdict.carrier_id, verdict.channel) == (expected.carrier, expected.channel)
    if kind not in ("Defer", "Suppress") or verdict.reason.code != expected.code or verdict.reason.detail not in expected.details:
        return False
    until = verdict.until if kind == "Defer" else None
    return bool(until == (None if expected.until is None else almanac.at(expected.until)))


def _difference(week: Week, message: Candidate, expected: object, verdict: Any, rivals: object) -> str:
    facts = (message, week.people[message.person_id], week.book.rules.overlap, week.book.rules.categories)
    return "\n".join(
        (
            f"{week.almanac.at(week.now)} (minute {week.now}): message {message.id} should be {expected}, is {verdict}",
            *map(str, facts),
            *(f"history: {contact}" for contact in week.contacts(message.person_id)),
            f"rivals: {rivals}",
            *week.diary,
        )
    )
