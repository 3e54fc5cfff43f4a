"""Whole weeks: tick by tick the rules decide what the oracle would, and nothing has gone wrong when the week is over."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import chain, count
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rules.make import CALENDAR
from tests.rules.weeks.aftermath import breaches, lost, overtaken
from tests.rules.weeks.almanac import official
from tests.rules.weeks.events import live
from tests.rules.weeks.rulebook import rulebook
from tests.rules.weeks.verdicts import Case, Goes, verdict
from tests.rules.weeks.week import begin

RULES = rulebook()
PARTS, EXAMPLES = 10, 220
SEEDED = 200


@pytest.mark.parametrize("part", range(PARTS))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(data=st.data())
def test_the_rules_decide_what_stepping_minutes_and_counting_decides(part: int, data: st.DataObject) -> None:
    """part: turns each choice, so that the same random numbers make other weeks."""
    numbers = chain.from_iterable(data.draw(st.binary(min_size=64, max_size=64)) for _ in count())
    week = live(lambda options: options[(next(numbers) + part) % len(options)], RULES)
    assert list(breaches(week)) == []
    assert lost(week) == []


def test_no_lesser_message_went_where_a_greater_one_still_had_its_chance() -> None:
    sendings = chain.from_iterable(live(Random(seed).choice, RULES).sendings for seed in range(SEEDED // 2))
    contested = [sending for sending in sendings if sending.ahead]
    assert len(contested) > SEEDED // 4
    assert [(sending, robbed) for sending in contested if (robbed := list(overtaken(sending)))] == []


def test_the_weeks_meet_every_reason_to_wait_and_to_drop() -> None:
    met = Counter(kind for seed in range(SEEDED) for kind in live(Random(seed).choice, RULES).met)
    waits = {"no_hours_consent", "outside_window", "same_topic", "gap", "cap", "pending_higher_priority"}
    drops = waits | {"opted_out", "no_consent", "no_address", "expired", "no_window"}
    assert set(met) >= {"goes", "room", "inside", *(f"{code}, waits" for code in waits), *(f"{code}, dropped" for code in drops)}


def test_what_the_oracle_waits_for_comes_at_no_earlier_minute() -> None:
    steps = 0
    for seed in count():
        week = begin(Random(seed).choice, RULES)
        for letter in week.letters:
            case = Case(letter.base, week.people[letter.base.person_id], week.book.rules, week.almanac)
            answer = verdict(case, week.past[case.person.id], week.now)
            if isinstance(answer, Goes):
                continue
            until = answer.until or case.deadline
            assert not [minute for minute in range(week.now, until) if isinstance(verdict(case, week.past[case.person.id], minute), Goes)]
            then = verdict(case, week.past[case.person.id], until)
            assert isinstance(then, Goes) or answer.until is None or then.code != answer.code or len(case.message.channels) > 1
            steps += until - week.now
        if steps > 20_000:
            return


def test_the_oracles_holidays_are_those_of_the_calendar() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(700)]
    assert [day for day in days if CALENDAR.is_holiday(day)] == [day for day in days if day in official()]
