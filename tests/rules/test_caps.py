from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from config.models import Cap
from config.values import ALWAYS
from rules.facts import Candidate, Code, Contact, Defer, Reason, Release, Suppress, Verdict
from rules.judge import judge
from rules.policy import policy
from tests.rules.make import CALENDAR, CATEGORIES, DAY, HOUR, JAKARTA, at, message, person, rules, sent

NOON = at("2026-08-14 12:00")  # a Friday


def verdict(
    history: list[Contact], *caps: dict[str, Any], now: datetime = NOON, zone: str = JAKARTA, candidate: Candidate | None = None
) -> Verdict:
    about = candidate or message(window=ALWAYS)
    return judge(about, person(zone=zone), history, rules(caps=list(caps)), CALENDAR, now)


def capped(until: datetime, name: str) -> Defer:
    return Defer(until, Reason(Code.CAP, name))


PER_DAY = {"channel": "push", "max": 1, "per": "day"}


def test_a_day_is_the_calendar_day_of_the_person() -> None:
    assert verdict([sent(at("2026-08-14 00:00"))], PER_DAY) == capped(at("2026-08-15 00:00"), "push:1/day")
    assert verdict([sent(at("2026-08-13 23:59"))], PER_DAY) == Release("push")
    berlin = "Europe/Berlin"  # where it is still the 14th, 07:00, and the 14th began at 05:00 in Jakarta
    assert verdict([sent(at("2026-08-14 04:59"))], PER_DAY, zone=berlin) == Release("push")
    assert verdict([sent(at("2026-08-14 05:00"))], PER_DAY, zone=berlin) == capped(at("2026-08-15 00:00", berlin), "push:1/day")


def test_a_day_may_have_23_or_25_hours() -> None:
    berlin = "Europe/Berlin"
    spring, autumn = at("2026-03-29 00:00", berlin), at("2026-10-25 00:00", berlin)
    assert verdict([sent(spring)], PER_DAY, now=spring + HOUR, zone=berlin) == capped(spring + 23 * HOUR, "push:1/day")
    assert verdict([sent(autumn)], PER_DAY, now=autumn + HOUR, zone=berlin) == capped(autumn + 25 * HOUR, "push:1/day")
    assert verdict([sent(autumn)], PER_DAY, now=autumn + 25 * HOUR, zone=berlin) == Release("push")


def test_a_day_whose_midnight_is_skipped_begins_when_it_begins() -> None:
    cairo = "Africa/Cairo"  # 2026-04-24 00:00 does not exist there
    evening = at("2026-04-23 20:00", cairo)
    assert verdict([sent(evening)], PER_DAY, now=evening, zone=cairo) == capped(at("2026-04-24 01:00", cairo), "push:1/day")


def test_a_week_begins_on_monday() -> None:
    cap = {"max": 1, "per": "week"}
    assert verdict([sent(at("2026-08-10 00:00"))], cap) == capped(at("2026-08-17 00:00"), "all:1/week")
    assert verdict([sent(at("2026-08-09 23:59"))], cap) == Release("push")


def test_a_month_begins_on_its_first() -> None:
    cap = {"category": "reminder", "max": 1, "per": "month"}
    assert verdict([sent(at("2026-08-01 00:00"))], cap) == capped(at("2026-09-01 00:00"), "reminder:1/month")
    assert verdict([sent(at("2026-07-31 23:59"))], cap) == Release("push")
    december = at("2026-12-31 23:00")
    assert verdict([sent(december)], cap, now=december) == capped(at("2027-01-01 00:00"), "reminder:1/month")


def test_a_rolling_period_frees_a_place_when_enough_has_fallen_out() -> None:
    cap = {"channel": "push", "max": 2, "per": "7d"}
    history = [sent(NOON - days * DAY, id=900 + days) for days in (1, 5, 3, 9)]  # one more than allowed in the last week
    assert verdict(history, cap) == capped(NOON + 4 * DAY, "push:2/168h")
    assert verdict(history, cap, now=NOON + 4 * DAY) == Release("push")
    assert verdict(history, cap, now=NOON + 4 * DAY - timedelta(microseconds=1)) == capped(NOON + 4 * DAY, "push:2/168h")
    assert verdict(history[:1], cap) == Release("push")


def test_a_rolling_day_ends_to_the_second() -> None:
    cap = {"max": 1, "per": "24h"}
    assert verdict([sent(NOON - DAY)], cap) == Release("push")
    assert verdict([sent(NOON - DAY + timedelta(seconds=1))], cap) == capped(NOON + timedelta(seconds=1), "all:1/24h")


@pytest.mark.parametrize(
    ("per", "name"), [("60s", "1m"), ("30m", "30m"), ("90m", "1h30m"), ("1h", "1h"), ("24h", "24h"), ("2w", "336h"), ("25h1s", "1d1h1s")]
)
def test_a_rolling_period_is_called_what_it_is(per: str, name: str) -> None:
    assert Cap.model_validate({"max": 1, "per": per}).name == f"all:1/{name}"


def test_a_cap_counts_its_channel_or_category_only() -> None:
    history = [sent(NOON - HOUR, channel="email", category="promo")]
    assert verdict(history, PER_DAY) == Release("push")
    assert verdict(history, {"category": "reminder", "max": 1, "per": "day"}) == Release("push")
    assert verdict(history, {"category": "promo", "max": 1, "per": "day"}) == Release("push")  # not about a reminder
    assert verdict(history, {"max": 1, "per": "day"}) == capped(at("2026-08-15 00:00"), "all:1/day")


def test_the_strictest_cap_wins() -> None:
    history = [sent(NOON - HOUR)]
    week = {"max": 1, "per": "week"}
    assert verdict(history, PER_DAY, week) == verdict(history, week, PER_DAY) == capped(at("2026-08-17 00:00"), "all:1/week")


def test_a_cap_of_nothing_is_never_met() -> None:
    assert verdict([], {"channel": "push", "max": 0, "per": "day"}) == Suppress(Reason(Code.CAP, "push:0/day"))


def test_what_cannot_fit_before_it_expires_is_dropped_in_the_name_of_the_cap() -> None:
    soon = message(window=ALWAYS, expires=at("2026-08-15 00:00"))
    assert verdict([sent(NOON)], PER_DAY, candidate=soon) == Suppress(Reason(Code.CAP, "push:1/day"))


def test_a_run_on_several_channels_counts_once() -> None:
    cap = {"category": "reminder", "max": 2, "per": "day"}
    one_run = [sent(NOON, id=901, run=9, channel="email"), sent(NOON, id=902, run=9, channel="popup")]
    assert verdict(one_run, cap) == Release("push")
    assert verdict([*one_run, sent(NOON, id=903, run=10)], cap) == capped(at("2026-08-15 00:00"), "reminder:2/day")


def test_a_runs_own_messages_on_other_channels_do_not_count() -> None:
    own = message(window=ALWAYS, run=9)
    assert verdict([sent(NOON, run=9, channel="email")], {"max": 1, "per": "day"}, candidate=own) == Release("push")
    assert verdict([sent(NOON, run=9)], PER_DAY, candidate=own) == capped(at("2026-08-15 00:00"), "push:1/day")


def test_a_run_counts_as_often_as_it_used_one_channel() -> None:
    cap = {"max": 3, "per": "24h"}
    history = [sent(NOON - n * HOUR, id=900 + n, run=9) for n in (1, 2, 3)] + [sent(NOON, id=910, run=9, channel="email")]
    assert verdict(history, cap) == capped(NOON + 21 * HOUR, "all:3/24h")
    assert verdict(history[1:], cap) == Release("push")


def test_categories_exempt_from_caps_go_and_still_count() -> None:
    history = [sent(NOON - HOUR, category="service")]
    assert verdict([sent(NOON)], PER_DAY, candidate=message(category="service", window=ALWAYS)) == Release("push")
    assert verdict(history, PER_DAY) == capped(at("2026-08-15 00:00"), "push:1/day")


def test_categories_that_do_not_count_use_up_no_cap_and_are_still_held_back() -> None:
    categories = {**CATEGORIES, "receipt": {"counts_in_caps": False}}
    caps = [PER_DAY, {"category": "receipt", "max": 1, "per": "7d"}, {"max": 2, "per": "24h"}]
    held = rules(categories, caps=caps)

    def judged(history: list[Contact], category: str = "reminder") -> Verdict:
        return judge(replace(message(window=ALWAYS), category=category), person(), history, held, CALENDAR, NOON)

    receipts = [sent(NOON - n * HOUR, id=900 + n, category="receipt") for n in range(4)]
    assert judged(receipts) == judged(receipts, "receipt") == Release("push")
    assert judged([*receipts, sent(NOON - 5 * HOUR)], "receipt") == capped(at("2026-08-15 00:00"), "push:1/day")


def test_a_category_that_rules_no_longer_have_counts() -> None:
    assert verdict([sent(NOON - HOUR, category="gone")], PER_DAY) == capped(at("2026-08-15 00:00"), "push:1/day")


def test_history_is_asked_as_far_back_as_the_longest_rule_looks() -> None:
    caps = [{"max": 1, "per": per} for per in ("day", "7d", "month")]
    assert rules(gap="2h", same_topic="3d").lookback == 3 * DAY
    assert rules(gap="2h", caps=caps[:1]).lookback == 2 * DAY
    assert rules(gap="2h", caps=caps[:2]).lookback == 7 * DAY
    assert rules(gap="2h", caps=caps).lookback == 32 * DAY
    assert policy(rules().rules, [], []).lookback == timedelta(0)


def test_a_message_that_goes_again_in_doubt_is_not_held_back_by_its_own_first_time() -> None:
    again = message(1, run=5, window=ALWAYS)
    mine, sibling = sent(NOON - HOUR, id=1, run=5), sent(NOON - HOUR, id=2, run=5)
    assert verdict([mine], PER_DAY, candidate=again) == Release("push")
    assert verdict([sibling], PER_DAY, candidate=again) == capped(at("2026-08-15 00:00"), "push:1/day")
    assert verdict([mine], PER_DAY, candidate=message(3, window=ALWAYS)) == capped(at("2026-08-15 00:00"), "push:1/day")
