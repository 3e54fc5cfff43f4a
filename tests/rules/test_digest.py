"""What goes inside another message: same person, channel and category, close enough in time, and fit to go by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from config.values import parse_window
from rules.arbitration import arbitrate
from rules.digest import MOST, merge
from rules.facts import Candidate, Code, Contact, Defer, Merge, Person, Reason, Release, Suppress, Verdict
from tests.rules.make import CALENDAR, CATEGORIES, DAY, HOUR, at, message, person, rules, sent

NOW = at("2026-08-14 20:00")
DIGEST = {"within": "12h", "template": "many"}
WITH_DIGEST = {**CATEGORIES, "promo": {**CATEGORIES["promo"], "digest": DIGEST}, "service": {**CATEGORIES["service"], "digest": DIGEST}}
GAP = {"gap": "2h", "same_topic": "3d"}


def promo(id: int, *, queued: datetime = NOW, category: str = "promo", **changes: Any) -> Candidate:
    return replace(message(id, category=category, **{"channels": ("popup",), **changes}), queued_at=queued)


def decide(
    *candidates: Candidate,
    waiting: Sequence[Candidate] = (),
    people: Mapping[int, Person] | None = None,
    history: Sequence[Contact] = (),
    able: Collection[int] | None = None,
    apart: Collection[int] = (),
    room: Mapping[str, int] | None = None,
    overlap: Mapping[str, Any] | None = None,
    categories: Mapping[str, Any] = WITH_DIGEST,
) -> dict[int, Verdict | Merge | None]:
    """Outcomes by id, of messages to person 1 and 2."""
    policy = rules(categories, **(GAP if overlap is None else overlap))
    who = people or {1: person(1), 2: person(2)}
    before = {1: history}
    decisions = arbitrate(candidates, who, before, policy, CALENDAR, NOW, room or {}, waiting)
    ids = {candidate.id for candidate in candidates} if able is None else able
    found = merge(decisions, waiting, who, before, policy, CALENDAR, NOW, able=ids, apart=apart)
    assert len({candidate.id for candidate, _ in found}) == len(found)
    return {candidate.id: outcome for candidate, outcome in found}


def test_what_waits_of_the_category_goes_inside_the_first_that_is_released() -> None:
    assert decide(promo(1), promo(2), promo(3)) == {1: Release("popup"), 2: Merge(1, "popup"), 3: Merge(1, "popup")}


def test_the_reason_names_the_carrier() -> None:
    assert Merge(17, "popup").reason == "digest:17"


def test_without_a_digest_every_message_keeps_its_verdict() -> None:
    assert decide(promo(1), promo(2), categories=CATEGORIES) == {
        1: Release("popup"),
        2: Defer(at("2026-08-15 10:00"), Reason(Code.GAP, "1")),
    }


@pytest.mark.parametrize("distance", [HOUR * 12, -HOUR * 12])
def test_messages_queued_within_the_span_are_joined_to_the_minute(distance: Any) -> None:
    assert decide(promo(1), promo(2, queued=NOW + distance))[2] == Merge(1, "popup")
    further = NOW + distance * 1.001
    assert isinstance(decide(promo(1), promo(2, queued=further))[2], Defer)


def test_people_channels_and_categories_are_not_mixed() -> None:
    outcomes = decide(promo(1), promo(2, to=2), promo(3, channels=("push",)), promo(4, category="reminder"))
    assert not [id for id, outcome in outcomes.items() if isinstance(outcome, Merge)]


def test_a_lesser_release_is_merged_too_and_never_carries() -> None:
    assert decide(promo(1, category="service"), promo(2, category="service")) == {1: Release("popup"), 2: Merge(1, "popup")}


def test_rivals_that_wait_for_another_day_come_along() -> None:
    rival = replace(promo(2), ready_at=NOW + DAY)
    assert decide(promo(1), waiting=[rival]) == {1: Release("popup"), 2: Merge(1, "popup")}


def test_a_rival_that_is_not_merged_is_not_decided() -> None:
    assert decide(promo(1), waiting=[promo(2, channels=("email",))]) == {1: Release("popup")}


def test_what_found_no_room_for_itself_comes_along() -> None:
    assert decide(promo(1), promo(2), room={"popup": 1}, overlap={}) == {1: Release("popup"), 2: Merge(1, "popup")}


def test_what_would_be_dropped_for_a_cap_comes_along_instead() -> None:
    cap = {"caps": [{"category": "promo", "max": 1, "per": "day"}]}
    first, hopeless = promo(1, expires=NOW + HOUR), promo(2, expires=NOW + HOUR)
    assert decide(first, hopeless, categories=CATEGORIES, overlap=cap)[2] == Suppress(Reason(Code.CAP, "promo:1/day"))
    assert decide(first, hopeless, overlap=cap)[2] == Merge(1, "popup")


@pytest.mark.parametrize(
    ("unfit", "people"),
    [
        (promo(2, expires=NOW), None),
        (replace(promo(2), queue_until=NOW), None),
        (promo(2, window=None), None),
        (promo(2, channels=("push",)), {1: person(1, reachable=())}),
    ],
    ids=["expired", "out of patience", "no window", "no address"],
)
def test_a_message_that_may_not_go_by_itself_does_not_go_inside_another(unfit: Candidate, people: Mapping[int, Person] | None) -> None:
    outcomes = decide(promo(1), unfit, people=people)
    assert outcomes[1] == Release("popup")
    assert isinstance(outcomes[2], Suppress)


def test_without_consent_nothing_is_carried() -> None:
    outcomes = decide(promo(1), promo(2), people={1: person(1, opted_out=["popup"])})
    assert outcomes == {1: Suppress(Reason(Code.OPTED_OUT, "popup")), 2: Suppress(Reason(Code.OPTED_OUT, "popup"))}


def test_a_closed_window_of_its_own_keeps_a_message_out() -> None:
    mornings = replace(promo(2), window=parse_window({"weekdays": "10:00-12:00", "weekends": "10:00-12:00"}))
    assert isinstance(decide(promo(1), mornings)[2], Defer)


def test_a_topic_that_was_touched_keeps_a_message_out() -> None:
    topical = promo(2, topic="saham")
    assert isinstance(decide(promo(1), topical, history=[sent(NOW - DAY, topic="saham", channel="email")])[2], Defer)
    assert decide(promo(1), topical, history=[sent(NOW - 4 * DAY, topic="saham", channel="email")])[2] == Merge(1, "popup")


def test_a_topic_that_another_message_takes_to_the_person_now_keeps_it_out() -> None:
    outcomes = decide(promo(1), promo(2, topic="saham"), message(3, topic="saham", channels=("email",)), overlap={"same_topic": "3d"})
    assert (outcomes[1], outcomes[3]) == (Release("popup"), Release("email"))
    assert isinstance(outcomes[2], Defer)


def test_a_topic_is_not_told_inside_two_messages_at_once() -> None:
    categories = {**CATEGORIES, "reminder": {**CATEGORIES["reminder"], "digest": DIGEST}}
    outcomes = decide(
        promo(1, run=1, category="reminder"),
        promo(2, run=1, category="reminder", channels=("email",)),
        promo(3, topic="saham", category="reminder"),
        promo(4, topic="saham", category="reminder", channels=("email",)),
        categories=categories,
    )
    assert (outcomes[1], outcomes[2], outcomes[3]) == (Release("popup"), Release("email"), Merge(1, "popup"))
    assert isinstance(outcomes[4], Defer)


def test_two_on_one_topic_may_go_in_one_message() -> None:
    assert decide(promo(1, topic="saham"), promo(2, topic="saham"))[2] == Merge(1, "popup")


def test_a_fallback_channel_carries_when_the_first_cannot() -> None:
    choosy = promo(2, channels=("push", "popup"))
    assert decide(promo(1), choosy, people={1: person(1, reachable=())})[2] == Merge(1, "popup")
    assert isinstance(decide(promo(1), choosy)[2], Defer)  # push would do


def test_a_message_without_words_for_many_goes_alone() -> None:
    assert isinstance(decide(promo(1), promo(2), able=())[2], Defer)


def test_what_carries_others_or_was_tried_before_takes_nobody_on_and_joins_nobody() -> None:
    assert isinstance(decide(promo(1), promo(2), apart=[1])[2], Defer)
    assert isinstance(decide(promo(1), promo(2), apart=[2])[2], Defer)


def test_no_more_go_in_one_than_a_push_can_hold() -> None:
    outcomes = decide(*(promo(id) for id in range(1, MOST + 3)))
    assert sum(isinstance(outcome, Merge) for outcome in outcomes.values()) == MOST - 1
    assert [outcomes[id] is None or isinstance(outcomes[id], Defer) for id in (MOST + 1, MOST + 2)] == [True, True]


def test_the_next_one_carries_what_the_first_could_not_take() -> None:
    early, late = NOW - 20 * HOUR, NOW
    outcomes = decide(
        promo(1, category="service", queued=early),
        promo(2, category="service", queued=late),
        promo(3, category="service", queued=late),
        promo(4, category="service", queued=early),
    )
    assert outcomes == {1: Release("popup"), 2: Release("popup"), 3: Merge(2, "popup"), 4: Merge(1, "popup")}


def test_who_waited_for_a_merged_message_is_judged_again() -> None:
    behind = message(3, channels=("email",), topic="saham")
    alone = decide(promo(2, category="service", topic="saham"), behind)
    assert isinstance(alone[3], Defer)
    assert alone[3].reason == Reason(Code.SAME_TOPIC, "2")
    outcomes = decide(promo(1, category="service"), promo(2, category="service", topic="saham"), behind)
    assert (outcomes[2], outcomes[3]) == (Merge(1, "popup"), None)


def test_a_cap_that_a_merged_message_no_longer_fills_drops_nobody() -> None:
    cap = {"caps": [{"channel": "popup", "max": 2, "per": "7d"}]}
    outcomes = decide(
        promo(1, category="service"),
        promo(2, category="service"),
        message(3, channels=("popup",), expires=NOW + DAY),
        overlap=cap,
    )
    assert outcomes == {1: Release("popup"), 2: Merge(1, "popup"), 3: None}
