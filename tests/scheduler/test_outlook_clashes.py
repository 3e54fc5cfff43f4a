"""Campaigns in each other's way, and in their own: who goes first, and what becomes of the other."""

from __future__ import annotations

import pytest

from scheduler.outlook.clashes import clashes
from tests.scheduler.outlook import scene, told
from tests.world import RULES, campaign, files

CLASS = campaign("class", topic="class", when='{at: "2026-11-24 19:00"}')
CONTEST = campaign("contest", category="info", topic="contest", when='{at: "2026-11-24 18:45"}')


def test_two_that_want_one_push_of_a_day_are_told_with_the_winner_and_the_loser_s_fate() -> None:
    assert told(files(CLASS, CONTEST)) == [
        'config/schedules/c1.yaml:5:7: warning: "class" wants the same slot, Tue 24 Nov 19:00, push to regular: it goes first (priority 50 '
        "over 30), and this goes Wed 25 Nov 19:00 instead because of the cap push:1/day (config/rules.yaml:6); move one of them, or give "
        "this longer"
    ]


def test_a_loser_that_expires_meanwhile_never_goes() -> None:
    [line] = told(files(CLASS, CONTEST + "\nexpires: 6h"))
    assert "and this never goes because of the cap push:1/day" in line


def test_a_loser_that_still_goes_the_same_evening_lost_nothing() -> None:
    by_mail = files(CLASS, CONTEST.replace("[push]", "[email]"))
    assert told(by_mail) == []
    [clash] = [clash for clash in clashes(scene(by_mail)) if clash.agreed]
    assert (clash.winner, clash.loser.campaign, clash.missed) == ("class", "contest", False)
    assert f"{clash.goes:%H:%M}" == "14:00"  # 21:00 in Jakarta: two hours after the class


@pytest.mark.parametrize(
    "other",
    [
        CONTEST.replace("2026-11-24 18:45", "2026-11-26 18:45"),
        CONTEST.replace("{any: [regular]}", "{any: [hnwi]}\nwindow: after-office"),
        CONTEST.replace('{at: "2026-11-24 18:45"}', "{event: kyc.updated}"),
        CONTEST.replace('{at: "2026-11-24 18:45"}', '{anniversary: birthday, time: "08:00"}'),
    ],
    ids=["another day", "other people", "whenever it happens", "birthdays"],
)
def test_two_that_never_meet_do_not_fight(other: str) -> None:
    assert told(files(CLASS, other)) == []


def test_of_equal_priority_the_one_that_goes_earlier_is_named_as_that() -> None:
    earlier = CONTEST.replace("category: info", "category: reminder")
    assert '"class" wants' not in "".join(told(files(CLASS, earlier)))
    assert 'c0.yaml:5:7: warning: "contest" wants the same slot' in told(files(CLASS, earlier))[0]


def test_what_is_free_of_the_rules_goes_when_it_likes_and_still_uses_up_a_cap() -> None:
    [line] = told(files(CLASS, CONTEST.replace("category: info", "category: service")))
    assert 'c0.yaml:5:7: warning: "contest" wants the same slot, Tue 24 Nov 19:00, push to regular: it goes first' in line


def test_what_only_follows_from_an_earlier_clash_is_not_one() -> None:
    daily = campaign("contest", category="info", when='{cron: "45 18 * * *"}', ends="2026-11-30")
    found = clashes(scene(files(CLASS, daily)))
    assert [clash.loser.occurrence.key for clash in found if clash.agreed] == ["2026-11-24T18:45"]


def test_a_digest_of_both_is_no_fight() -> None:
    rules = RULES.replace("info: {priority: 30}", "info: {priority: 30, digest: {within: 12h, template: several}}")
    several = "template: several\nvariants:\n  - push: {title: Kabar, body: '{{ digest.lines }}'}\n"
    two = [campaign(name, category="info", when='{at: "2026-11-24 18:45"}') for name in ("one", "two")]
    assert told({**files(*two, rules=rules), "templates/several.yaml": several}) == []
    assert len(told(files(*two))) == 1


def test_what_a_cap_of_none_stops_is_not_blamed_on_the_message_before() -> None:
    rules = RULES.replace("{channel: push, max: 1, per: day}", "{channel: push, max: 0, per: day}")
    assert rules != RULES
    found = told(files(campaign(channels="[push, popup]", when='{cron: "45 18 * * tue,thu"}'), rules=rules))
    assert [line for line in found if "of its own" in line] == []
    assert any("a cap of 0 lets nothing through" in line for line in found)


def test_a_campaign_that_repeats_its_topic_too_soon_is_told_what_it_loses() -> None:
    often = campaign(topic="class", when='{cron: "45 18 * * mon,tue"}', expires="1d")
    [line] = told(files(often))
    assert line.startswith("config/schedules/c0.yaml:5:7: warning: 8 of its own 16 occurrences until Fri 15 Jan come too soon")
    assert "same_topic: 3d (config/rules.yaml:6) stops them (the first: due Tue 24 Nov 18:45, push, regular)" in line


def test_a_campaign_that_comes_more_often_than_a_cap_lets_through_is_told_the_cap() -> None:
    rules = RULES.replace("{channel: push, max: 1, per: day}", "{category: reminder, max: 1, per: 7d}")
    [line] = told(files(campaign(when='{cron: "45 18 * * mon,thu"}', expires="1d"), rules=rules))
    assert "the cap reminder:1/168h (config/rules.yaml:6) stops them" in line


def test_a_birthday_comes_once_a_year_and_is_not_in_its_own_way() -> None:
    assert told(files(campaign(topic="birthday", when='{anniversary: birthday, time: "08:00"}'))) == []
