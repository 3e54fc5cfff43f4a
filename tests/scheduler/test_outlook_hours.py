"""Campaigns whose hours never come, or come too late: found before anybody waits for them."""

from __future__ import annotations

from tests.scheduler.outlook import told
from tests.world import RULES, campaign, files

EVENING_OFFERS = RULES.replace("channel: push, max: 1", "max: 1").replace(
    'after-office: {weekdays: "19:00-21:30", weekends: "10:00-21:30"}', 'after-office: {weekdays: "19:00-21:30"}'
)


def test_a_campaign_in_good_hours_is_not_mentioned() -> None:
    assert told(files(campaign())) == []
    assert told(files(campaign(when='{cron: "0 9 * * sat"}', topic="week"))) == []


def test_one_date_that_expires_before_its_window_can_never_go() -> None:
    assert told(files(campaign(expires="10m"))) == [
        'config/schedules/c0.yaml:8:1: campaign "hello" can never go: what is due Fri 20 Nov 18:45 is worthless from Fri 20 Nov 18:55 '
        '(`expires`), its hours open Fri 20 Nov 19:00 (window "after-office"); give it longer, or another time or window'
    ]


def test_expiry_at_the_minute_of_the_opening_is_too_early_and_a_minute_later_is_not() -> None:
    assert len(told(files(campaign(expires="15m")))) == 1
    assert told(files(campaign(expires="16m"))) == []


def test_queue_for_bounds_the_wait_as_expires_does() -> None:
    [line] = told(files(campaign(expires="1d", queue_for="10m")))
    assert line.startswith("config/schedules/c0.yaml:9:1: ")
    assert "(`queue_for`)" in line


def test_a_date_in_the_past_is_judged_as_it_was_and_no_date_to_come_is_no_mistake() -> None:
    assert told(files(campaign(when='{at: "2020-01-06 18:45"}'))) == []
    assert "can never go" in told(files(campaign(when='{at: "2020-01-06 18:45"}', expires="5m")))[0]


def test_some_occurrences_that_come_too_late_are_a_warning_that_names_the_first() -> None:
    rules = RULES.replace("any-time: always", 'any-time: always\n  late: {fri: "20:00-22:00", sun: "20:00-22:00"}')
    assert told(files(campaign(when='{cron: "0 20 * * fri,sat"}', expires="2h", window="late"), rules=rules)) == [
        "config/schedules/c0.yaml:8:1: warning: what is due Sat 21 Nov 20:00 is worthless from Sat 21 Nov 22:00 (`expires`), "
        'its hours open Sun 22 Nov 20:00 (window "late"); so for 10 of 16 occurrences; regular get nothing then; '
        "give it longer, or another time or window"
    ]  # eight Saturdays, and two Fridays that are holidays


def test_a_segment_that_is_never_met_is_named_while_the_other_is_served() -> None:
    both = RULES.replace("segment_windows: {regular: after-office}", "segment_windows: {hnwi: early, regular: after-office}")
    rules = both.replace("any-time: always", 'any-time: always\n  early: {weekdays: "08:00-09:00", weekends: "08:00-09:00"}')
    [line] = told(files(campaign(audience="{any: [regular, hnwi]}", when='{cron: "45 18 * * mon"}', expires="3h"), rules=rules))
    assert 'window "early"' in line
    assert "hnwi get nothing then" in line


def test_offers_whose_window_the_law_never_meets_reach_only_those_who_agreed() -> None:
    [line] = told(files(campaign(category="promo", channels="[push]"), rules=EVENING_OFFERS))
    assert line.startswith("config/schedules/c0.yaml:2:11: warning: ")
    assert "never open together: by push, only customers of regular who agreed to other hours get this" in line


def test_a_pop_up_is_not_held_to_the_hours_of_offers_unless_the_rules_say_so() -> None:
    assert told(files(campaign(category="promo", channels="[popup]"), rules=EVENING_OFFERS)) == []
    strict = EVENING_OFFERS + "personal_channels: [popup]\n"
    assert "by popup, only customers" in told(files(campaign(category="promo", channels="[popup]"), rules=strict))[0]


def test_offers_that_expire_before_the_lawful_hours_are_told_with_the_first_that_does() -> None:
    [line] = told(files(campaign(category="promo", when='{cron: "0 19 * * mon"}', expires="1d")))
    assert "by push, regular who agreed to no other hours for offers get nothing: what is due Mon 23 Nov 19:00" in line
    assert "its hours open Sat 28 Nov 10:00" in line


def test_an_event_that_comes_as_the_window_closes_must_live_until_it_opens_again() -> None:
    [line] = told(files(campaign(when="{event: kyc.updated}", expires="13h")))
    assert "an event of Sun 22 Nov 21:30 is worthless from Mon 23 Nov 10:30" in line  # after Friday evening it still opens in time
    assert told(files(campaign(when="{event: kyc.updated}", expires="1d"))) == []
    service = campaign(when="{event: kyc.updated}", expires="1m", category="service")
    assert not any("an event of" in line for line in told(files(service)))


def test_a_cap_of_nothing_is_why_a_campaign_can_never_go() -> None:
    found = told(files(campaign(), rules=RULES.replace("max: 1", "max: 0")))
    assert any('campaign "hello" can never go: the cap push:0/day lets nothing through' in line for line in found)


def test_a_campaign_without_any_date_is_told() -> None:
    nothing = {**files(campaign(when="{before: class, by: 1h}")), "events.yaml": "business: {class: []}"}
    assert 'warning: "class" has no dates in events.yaml' in told(nothing)[0]
    never = campaign(when='{cron: "0 19 * * mon"}', starts="2026-11-24", ends="2026-11-26")
    assert "can never go: nothing of it is due between `starts` and `ends`" in told(files(never))[0]
    assert "can never go: nothing of it is due" in told(files(campaign(starts="2026-11-21")))[0]


def test_a_campaign_that_begins_after_the_horizon_is_judged_from_its_beginning() -> None:
    late = campaign(when='{cron: "0 12 * * mon"}', starts="2027-06-01", expires="1h")
    assert "what is due Mon 07 Jun 12:00" in told(files(late))[0]
