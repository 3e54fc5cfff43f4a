from __future__ import annotations

import pytest

from config.values import OpenHours, parse_window
from rules.facts import Code, Contact, Defer, Reason, Release, Suppress, Verdict
from rules.judge import judge
from tests.rules.make import CALENDAR, DAY, HOUR, at, message, person, rules, sent

POLICY = rules(gap="2h", same_topic="3d", caps=[{"channel": "push", "max": 1, "per": "day"}])
FRIDAY_EVENING = at("2026-08-14 20:00")
SATURDAY_TEN = at("2026-08-15 10:00")
OUTSIDE = Reason(Code.OUTSIDE_WINDOW, "after-office")


def test_a_message_waits_for_its_window() -> None:
    assert judge(message(), person(), (), POLICY, CALENDAR, at("2026-08-14 18:59")) == Defer(at("2026-08-14 19:00"), OUTSIDE)
    assert judge(message(), person(), (), POLICY, CALENDAR, at("2026-08-14 19:00")) == Release("push")
    assert judge(message(), person(), (), POLICY, CALENDAR, at("2026-08-14 21:30")) == Defer(SATURDAY_TEN, OUTSIDE)


def test_a_window_is_in_the_persons_zone() -> None:
    seven_in_berlin = at("2026-08-14 19:00", "Europe/Berlin")
    assert judge(message(), person(zone="Europe/Berlin"), (), POLICY, CALENDAR, FRIDAY_EVENING) == Defer(seven_in_berlin, OUTSIDE)


def test_contact_hours_narrow_the_window_and_are_named() -> None:
    never_weekends = person(contact_hours="Mon-Fri 06:00-20:00, no holidays")
    assert judge(message(), never_weekends, (), POLICY, CALENDAR, FRIDAY_EVENING) == Defer(
        at("2026-08-18 19:00"), Reason(Code.OUTSIDE_WINDOW, "contact_hours")
    )


def test_contact_hours_that_never_meet_the_window_end_the_message() -> None:
    mornings = person(contact_hours="Mon-Fri 06:00-11:00, no holidays")
    assert judge(message(), mornings, (), POLICY, CALENDAR, FRIDAY_EVENING) == Suppress(Reason(Code.NO_WINDOW, "contact_hours"))


@pytest.mark.parametrize("window", [None, parse_window({})])
def test_without_a_window_that_opens_a_message_never_goes(window: OpenHours | None) -> None:
    verdict = judge(message(window=window), person(), (), POLICY, CALENDAR, FRIDAY_EVENING)
    assert verdict == Suppress(Reason(Code.NO_WINDOW, "after-office"))


def test_a_category_free_of_windows_goes_at_any_hour_to_anybody() -> None:
    mornings = person(contact_hours="Mon-Fri 06:00-11:00")
    urgent = message(category="service", window=None)
    assert judge(urgent, mornings, [sent(at("2026-08-15 02:59"))], POLICY, CALENDAR, at("2026-08-15 03:00")) == Release("push")


def test_no_address_ends_a_message_where_one_is_needed() -> None:
    nowhere = person(reachable=())
    assert judge(message(), nowhere, (), POLICY, CALENDAR, FRIDAY_EVENING) == Suppress(Reason(Code.NO_ADDRESS, "push"))
    assert judge(message(channels=("popup",)), nowhere, (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("popup")
    assert judge(message(channels=()), person(), (), POLICY, CALENDAR, FRIDAY_EVENING) == Suppress(Reason(Code.NO_ADDRESS))


def test_the_first_reachable_channel_is_taken() -> None:
    first = message(channels=("whatsapp", "email"))
    assert judge(first, person(reachable=["email"]), (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("email")
    assert judge(first, person(), (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("whatsapp")


def test_what_has_expired_never_goes() -> None:
    late = message(expires=FRIDAY_EVENING)
    assert judge(late, person(), (), POLICY, CALENDAR, FRIDAY_EVENING) == Suppress(Reason(Code.EXPIRED))
    assert judge(message(expires=FRIDAY_EVENING + HOUR / 60), person(), (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("push")


def test_what_would_expire_before_the_next_opening_is_dropped_now() -> None:
    at_opening, after = message(expires=SATURDAY_TEN), message(expires=SATURDAY_TEN + HOUR)
    now = at("2026-08-14 21:30")
    assert judge(at_opening, person(), (), POLICY, CALENDAR, now) == Suppress(OUTSIDE)
    assert judge(after, person(), (), POLICY, CALENDAR, now) == Defer(SATURDAY_TEN, OUTSIDE)


def test_the_gap_counts_from_the_contact_and_ends_sharp() -> None:
    history = [sent(at("2026-08-14 19:00"), channel="email", id=77)]
    gap = Reason(Code.GAP, "77")
    assert judge(message(), person(), history, POLICY, CALENDAR, at("2026-08-14 20:59")) == Defer(at("2026-08-14 21:00"), gap)
    assert judge(message(), person(), history, POLICY, CALENDAR, at("2026-08-14 21:00")) == Release("push")


def test_a_wait_that_ends_outside_the_window_goes_on_to_the_next_opening() -> None:
    history = [sent(at("2026-08-14 19:45"), channel="email", id=77)]
    assert judge(message(), person(), history, POLICY, CALENDAR, FRIDAY_EVENING) == Defer(SATURDAY_TEN, Reason(Code.GAP, "77"))
    assert judge(message(expires=SATURDAY_TEN), person(), history, POLICY, CALENDAR, FRIDAY_EVENING) == Suppress(Reason(Code.GAP, "77"))


def test_messages_of_one_run_do_not_keep_each_other_apart() -> None:
    history = [sent(FRIDAY_EVENING, run=5, channel="email", topic="live")]
    assert judge(message(run=5, topic="live"), person(), history, POLICY, CALENDAR, FRIDAY_EVENING) == Release("push")


def test_what_is_inside_of_a_message_holds_back_others_on_its_topic_and_not_its_own_carrier() -> None:
    history = [sent(FRIDAY_EVENING - HOUR, id=77, topic="live")._replace(inside=1)]
    carrier, other = message(1, topic="live"), message(2, topic="live")
    assert judge(carrier, person(), history, POLICY, CALENDAR, FRIDAY_EVENING) == Release("push")
    verdict = judge(other, person(), history, POLICY, CALENDAR, FRIDAY_EVENING)
    assert isinstance(verdict, Defer)
    assert verdict.reason == Reason(Code.SAME_TOPIC, "77")


def test_a_topic_comes_back_after_its_distance_only() -> None:
    history = [sent(at("2026-08-12 19:30"), channel="email", topic="live", id=77)]
    about = message(topic="live")
    expected = Defer(SATURDAY_TEN + 9.5 * HOUR, Reason(Code.SAME_TOPIC, "77"))
    assert judge(about, person(), history, POLICY, CALENDAR, FRIDAY_EVENING) == expected
    assert judge(about, person(), history, POLICY, CALENDAR, at("2026-08-15 19:30")) == Release("push")
    assert judge(message(topic="else"), person(), history, POLICY, CALENDAR, FRIDAY_EVENING) == Release("push")


def first_failure(**freed: bool) -> Verdict:
    """A message with everything against it, less what is freed from the front of the order."""
    order = ["consent", "hours", "address", "expiry", "window", "topic", "gap", "cap"]
    ok = {name: freed.get(name, False) for name in order}
    now = at("2026-08-14 20:00") if ok["hours"] or not ok["consent"] else at("2026-08-14 19:30")
    consents = {"whatsapp": "daily 00:00-24:00" if ok["hours"] else None} if ok["consent"] else {}
    who = person(consents=consents, reachable=["whatsapp"] if ok["address"] else [])
    history: list[Contact] = []
    history += [] if ok["cap"] else [sent(now - 5 * HOUR, channel="whatsapp", id=83)]
    history += [] if ok["gap"] else [sent(now - HOUR, channel="email", id=82)]
    history += [] if ok["topic"] else [sent(now - DAY, channel="email", topic="live", id=81)]
    window = parse_window({"weekdays": "19:00-21:30", "weekends": "10:00-21:30"} if ok["window"] else {"weekends": "10:00-21:30"})
    if not ok["hours"]:
        window = parse_window({"weekdays": "19:00-21:30"})
    candidate = message(
        category="promo",
        channels=("whatsapp",),
        topic="live",
        window=window,
        expires=now if ok["hours"] and not ok["expiry"] else now + 30 * DAY,
    )
    policy = rules(gap="2h", same_topic="3d", caps=[{"channel": "whatsapp", "max": 1, "per": "day"}])
    return judge(candidate, who, history, policy, CALENDAR, now)


def test_the_first_check_that_fails_names_the_reason() -> None:
    order = ["consent", "hours", "address", "expiry", "window", "topic", "gap", "cap"]
    codes = []
    for passed in range(len(order) + 1):
        verdict = first_failure(**dict.fromkeys(order[:passed], True))
        codes.append("release" if isinstance(verdict, Release) else str(verdict.reason.code))
    assert codes == [
        "no_consent",
        "no_hours_consent",
        "no_address",
        "expired",
        "outside_window",
        "same_topic",
        "gap",
        "cap",
        "release",
    ]


def test_a_channel_whose_cap_outlasts_the_message_gives_way_to_the_next() -> None:
    history = [sent(FRIDAY_EVENING - 5 * HOUR)]
    either = message(channels=("push", "email"), expires=FRIDAY_EVENING + HOUR)
    assert judge(either, person(), history, POLICY, CALENDAR, FRIDAY_EVENING) == Release("email")
    patient = message(channels=("push", "email"))
    assert judge(patient, person(), history, POLICY, CALENDAR, FRIDAY_EVENING) == Defer(SATURDAY_TEN, Reason(Code.CAP, "push:1/day"))
