from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from config.values import ALWAYS, parse_window
from rules.arbitration import arbitrate, rank
from rules.facts import Candidate, Code, Contact, Defer, Reason, Release, Suppress, Verdict
from tests.rules.make import CALENDAR, DAY, HOUR, at, message, person, rules, sent

NOW = at("2026-08-14 20:00")
POLICY = rules(gap="2h", same_topic="3d", caps=[{"channel": "push", "max": 1, "per": "day"}])


def decide(
    *candidates: Candidate,
    history: Mapping[int, Sequence[Contact]] | None = None,
    room: Mapping[str, int] | None = None,
    rivals: Sequence[Candidate] = (),
) -> dict[int, Verdict | None]:
    people = {id: person(id) for id in (1, 2, 3)}
    decisions = arbitrate(candidates, people, history or {}, POLICY, CALENDAR, NOW, room or {}, rivals)
    return {candidate.id: verdict for candidate, verdict in decisions}


def test_rank_is_priority_then_expiry_then_run_then_id() -> None:
    late, soon = at("2026-09-01 00:00"), at("2026-08-20 00:00")
    ordered = [
        message(9, category="service", expires=late),
        message(8, category="reminder", expires=soon),
        message(3, run=1, category="reminder", expires=late),
        message(1, run=2, category="reminder", expires=late),
        message(2, run=2, category="reminder", expires=late),
    ]
    shuffled = [ordered[place] for place in (3, 0, 4, 2, 1)]
    assert sorted(shuffled, key=rank) == ordered


def test_the_more_important_goes_and_the_other_keeps_the_gap() -> None:
    verdicts = decide(message(1, category="promo", channels=("popup",)), message(2, channels=("email",)))
    assert verdicts == {2: Release("email"), 1: Defer(at("2026-08-15 10:00"), Reason(Code.GAP, "2"))}


def test_people_do_not_stand_in_each_others_way() -> None:
    assert decide(message(1), message(2, to=2), history={2: [sent(NOW - 5 * HOUR)]}) == {
        1: Release("push"),
        2: Defer(at("2026-08-15 10:00"), Reason(Code.CAP, "push:1/day")),
    }


def test_one_run_goes_on_all_its_channels() -> None:
    assert decide(message(1, run=7), message(2, run=7, channels=("email",))) == {1: Release("push"), 2: Release("email")}


def test_room_goes_to_the_most_important_and_the_rest_stay_queued() -> None:
    verdicts = decide(message(1, category="promo"), message(2, to=2), message(3, to=3, category="service"), room={"push": 2})
    assert verdicts == {3: Release("push"), 2: Release("push"), 1: None}


def test_what_is_kept_for_the_important_is_theirs_alone_and_no_more_than_that() -> None:
    messages = message(1, category="promo"), message(2, to=2, category="service"), message(3, to=3, category="service")
    people = {id: person(id) for id in (1, 2, 3)}
    rooms = {0: [2], 1: [2, 3], -1: []}
    for room, released in rooms.items():
        decisions = arbitrate(messages, people, {}, POLICY, CALENDAR, NOW, {"push": room}, kept={"push": 1}, important=100)
        assert [candidate.id for candidate, verdict in decisions if verdict] == released


def test_a_message_that_waits_for_room_holds_back_what_it_would_block() -> None:
    verdicts = decide(message(1), message(2, category="promo", channels=("popup",)), room={"push": 0})
    assert verdicts == {1: None, 2: Defer(at("2026-08-15 10:00"), Reason(Code.PENDING_HIGHER_PRIORITY, "1"))}


def test_a_message_that_waits_for_room_does_not_hold_back_its_own_run() -> None:
    verdicts = decide(message(1, run=7), message(2, run=7, channels=("email",)), room={"push": 0})
    assert verdicts == {1: None, 2: Release("email")}


def test_the_message_in_the_way_is_the_one_named() -> None:
    verdicts = decide(
        message(1, run=7), message(2, run=8, category="service", window=ALWAYS), message(3, run=9, channels=("email",)), room={"push": 0}
    )
    assert verdicts == {2: None, 1: None, 3: Defer(at("2026-08-15 10:00"), Reason(Code.PENDING_HIGHER_PRIORITY, "1"))}


def test_a_greater_message_that_goes_anyway_holds_back_nobody() -> None:
    greater = message(1, category="service", window=ALWAYS)
    assert decide(greater, message(2, channels=("email",)), room={"push": 0}) == {1: None, 2: Release("email")}


def test_what_is_blocked_anyway_keeps_its_own_reason() -> None:
    verdicts = decide(
        message(1, category="service", window=ALWAYS),
        message(2, category="promo"),
        history={1: [sent(NOW - HOUR, id=77)]},
        room={"push": 0},
    )
    assert verdicts[2] == Defer(at("2026-08-14 21:00"), Reason(Code.GAP, "77"))


def test_nothing_is_dropped_for_the_sake_of_a_message_that_only_waits() -> None:
    verdicts = decide(message(1), message(2, category="promo", channels=("popup",), expires=NOW + HOUR), room={"push": 0})
    assert verdicts == {1: None, 2: Defer(NOW + timedelta(minutes=5), Reason(Code.PENDING_HIGHER_PRIORITY, "1"))}


def test_shortly_before_the_end_it_is_looked_at_at_once() -> None:
    brief = message(2, category="promo", channels=("popup",), expires=NOW + timedelta(minutes=5))
    assert decide(message(1), brief, room={"push": 0}) == {1: None, 2: None}
    closing = parse_window({"weekdays": "19:00-20:05"})
    brief = message(2, category="promo", channels=("popup",), window=closing, expires=NOW + HOUR)
    assert decide(message(1), brief, room={"push": 0}) == {1: None, 2: None}


def test_the_lesser_waits_for_a_greater_message_that_can_still_use_the_opening() -> None:
    later = replace(message(1), ready_at=NOW + HOUR)  # a retry, say
    verdicts = decide(message(2, category="promo", channels=("popup",)), rivals=[later])
    assert verdicts == {2: Defer(NOW + HOUR, Reason(Code.PENDING_HIGHER_PRIORITY, "1"))}


def test_the_lesser_goes_when_the_greater_comes_after_the_opening_has_closed() -> None:
    tomorrow = replace(message(1), ready_at=NOW + 2 * HOUR)
    assert decide(message(2, category="promo", channels=("popup",)), rivals=[tomorrow]) == {2: Release("popup")}


def test_the_lesser_goes_when_it_is_in_nobodys_way() -> None:
    later = replace(message(1, run=7), ready_at=NOW + HOUR)
    assert decide(message(2, run=7, channels=("email",)), rivals=[later]) == {2: Release("email")}


def test_a_greater_message_with_a_later_window_is_waited_for() -> None:
    late = message(1, window=parse_window({"weekdays": "21:00-21:30", "weekends": "closed"}))
    verdicts = decide(message(2, category="promo", channels=("popup",)), rivals=[late])
    assert verdicts == {2: Defer(at("2026-08-14 21:00"), Reason(Code.PENDING_HIGHER_PRIORITY, "1"))}


def test_what_cannot_outlast_the_greater_message_is_suppressed_for_it() -> None:
    later = replace(message(1), ready_at=NOW + HOUR)
    verdicts = decide(message(2, category="promo", channels=("popup",), expires=NOW + HOUR), rivals=[later])
    assert verdicts == {2: Suppress(Reason(Code.PENDING_HIGHER_PRIORITY, "1"))}


def test_patience_ends_before_the_message_does() -> None:
    asked = replace(message(1), queue_until=NOW + HOUR)
    assert decide(asked, history={1: [sent(NOW - HOUR / 2, id=77)]}) == {1: Suppress(Reason(Code.GAP, "77"))}
    assert decide(replace(asked, queue_until=NOW)) == {1: Suppress(Reason(Code.EXPIRED, "queue_for"))}


def test_what_may_not_go_takes_no_room_and_no_place() -> None:
    verdicts = decide(message(1, expires=NOW), message(2, category="promo"), room={"push": 1})
    assert verdicts == {1: Suppress(Reason(Code.EXPIRED)), 2: Release("push")}


def test_a_thousand_people_are_judged_once_each() -> None:
    people = {id: person(id) for id in range(1, 1001)}
    candidates = [message(id, to=id, expires=NOW + DAY) for id in people]
    decisions = arbitrate(candidates, people, {}, POLICY, CALENDAR, NOW, {"push": 600})
    assert [verdict for _, verdict in decisions].count(Release("push")) == 600
    assert [candidate.id for candidate, _ in decisions] == list(people)
