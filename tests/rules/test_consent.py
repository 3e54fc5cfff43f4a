from __future__ import annotations

from datetime import datetime

import pytest

from config.values import ALWAYS, OpenHours, parse_window
from rules.facts import Code, Defer, Reason, Release, Suppress, Verdict
from rules.judge import judge
from rules.policy import policy
from tests.rules.make import AFTER_OFFICE, CALENDAR, DAY, at, message, person, rules

POLICY = rules()
FRIDAY_EVENING = at("2026-08-14 19:30")
SATURDAY_TEN = at("2026-08-15 10:00")
NEVER = at("2030-01-01 00:00")
NO_HOURS = Reason(Code.NO_HOURS_CONSENT, "whatsapp")


def offer(when: str, hours: str | None = None, window: OpenHours = AFTER_OFFICE, expires: datetime = NEVER) -> Verdict:
    """A promo by WhatsApp, in the evening window, to somebody who consented to some hours."""
    candidate = message(category="promo", channels=("whatsapp",), window=window, expires=expires)
    return judge(candidate, person(consents={"whatsapp": hours}), (), POLICY, CALENDAR, at(when))


def test_an_offer_without_a_record_of_consent_never_goes() -> None:
    verdict = judge(message(category="promo"), person(consents={"email": None}), (), POLICY, CALENDAR, FRIDAY_EVENING)
    assert verdict == Suppress(Reason(Code.NO_CONSENT, "push"))


def test_an_opt_out_stops_offers_and_says_so() -> None:
    verdict = judge(message(category="promo"), person(opted_out=["push"]), (), POLICY, CALENDAR, FRIDAY_EVENING)
    assert verdict == Suppress(Reason(Code.OPTED_OUT, "push"))


def test_an_opt_out_of_one_channel_leaves_the_others() -> None:
    verdict = judge(message(category="promo"), person(opted_out=["email"]), (), POLICY, CALENDAR, FRIDAY_EVENING)
    assert verdict == Release("push")


@pytest.mark.parametrize("category", ["reminder", "service"])
def test_reminders_and_service_need_no_marketing_consent(category: str) -> None:
    opted_out = person(consents={}, opted_out=["push"])
    assert judge(message(category=category), opted_out, (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("push")


def test_a_category_nobody_defined_any_more_is_treated_as_an_offer() -> None:
    gone = rules(categories={})
    verdict = judge(message(category="promo"), person(consents={}), (), gone, CALENDAR, FRIDAY_EVENING)
    assert verdict == Suppress(Reason(Code.NO_CONSENT, "push"))


def test_an_offer_on_a_weekday_evening_waits_for_lawful_hours() -> None:
    assert offer("2026-08-14 19:30") == Defer(SATURDAY_TEN, NO_HOURS)


def test_consented_hours_make_the_evening_lawful() -> None:
    assert offer("2026-08-14 19:30", "Mon-Fri 19:00-20:30") == Release("whatsapp")
    assert offer("2026-08-14 20:30", "Mon-Fri 19:00-20:30") == Defer(SATURDAY_TEN, NO_HOURS)


def test_an_offer_is_lawful_on_a_saturday_until_six() -> None:
    assert offer("2026-08-15 10:00") == Release("whatsapp")
    assert offer("2026-08-15 17:59") == Release("whatsapp")
    assert offer("2026-08-15 18:00") == Defer(at("2026-08-22 10:00"), NO_HOURS)


def test_sundays_and_holidays_need_consent_to_hours() -> None:
    assert offer("2026-08-16 10:00") == Defer(at("2026-08-22 10:00"), NO_HOURS)
    assert offer("2026-08-17 10:00") == Defer(at("2026-08-22 10:00"), NO_HOURS)  # a holiday Monday
    assert offer("2026-08-17 10:00", "daily 08:00-20:00") == Release("whatsapp")


def test_an_offer_that_would_wait_past_its_expiry_is_dropped_for_want_of_consent() -> None:
    assert offer("2026-08-14 19:30", expires=SATURDAY_TEN) == Suppress(NO_HOURS)


def test_an_offer_whose_window_is_never_lawful_is_dropped_at_once() -> None:
    evenings = parse_window({"weekdays": "19:00-21:30"})
    assert offer("2026-08-14 10:00", window=evenings) == Suppress(NO_HOURS)
    assert offer("2026-08-14 19:30", window=evenings) == Suppress(NO_HOURS)


def test_a_window_that_opens_no_sooner_is_the_reason_and_not_the_consent() -> None:
    assert offer("2026-08-14 23:00") == Defer(SATURDAY_TEN, Reason(Code.OUTSIDE_WINDOW, "after-office"))
    assert offer("2026-08-13 10:00", "daily 19:00-20:00") == Defer(at("2026-08-13 19:00"), Reason(Code.OUTSIDE_WINDOW, "after-office"))


def test_an_evening_that_consent_alone_forbids_is_skipped_in_its_name() -> None:
    assert offer("2026-08-14 10:00") == Defer(SATURDAY_TEN, NO_HOURS)  # the window opens at 19:00


def test_the_law_binds_offers_on_personal_channels_only() -> None:
    promo = message(category="promo", channels=("popup",))
    assert judge(promo, person(), (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("popup")
    reminder = message(channels=("whatsapp",))
    assert judge(reminder, person(), (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("whatsapp")


@pytest.mark.parametrize(
    ("named", "bound"), [(None, {"whatsapp", "email"}), (["popup"], {"popup"}), ([], set()), (["email", "popup"], {"email", "popup"})]
)
def test_the_rules_may_name_the_personal_channels_themselves(named: list[str] | None, bound: set[str]) -> None:
    written = POLICY.rules.model_copy(update={"personal_channels": None if named is None else tuple(named)})
    held = policy(written, ["whatsapp", "email"], [])
    for channel in ("whatsapp", "email", "popup"):
        verdict = judge(message(category="promo", channels=(channel,)), person(), (), held, CALENDAR, FRIDAY_EVENING)
        assert verdict == (Defer(SATURDAY_TEN, Reason(Code.NO_HOURS_CONSENT, channel)) if channel in bound else Release(channel))


def test_lawful_hours_are_local_to_the_person() -> None:
    always = message(category="promo", channels=("email",), window=ALWAYS)
    noon_in_berlin = at("2026-08-14 12:00", "Europe/Berlin")
    assert judge(always, person(zone="Europe/Berlin"), (), POLICY, CALENDAR, noon_in_berlin) == Release("email")
    held = judge(always, person(zone="America/New_York"), (), POLICY, CALENDAR, noon_in_berlin)
    assert held == Defer(at("2026-08-14 08:00", "America/New_York"), Reason(Code.NO_HOURS_CONSENT, "email"))


def test_freedom_from_windows_is_no_freedom_from_the_law() -> None:
    free = rules(categories={"promo": {"offer": True, "ignore": ["window"]}})
    promo = message(category="promo", channels=("email",), window=AFTER_OFFICE)
    assert judge(promo, person(), (), free, CALENDAR, at("2026-08-13 09:00")) == Release("email")
    assert judge(promo, person(), (), free, CALENDAR, at("2026-08-13 18:30")) == Defer(
        at("2026-08-14 08:00"), Reason(Code.NO_HOURS_CONSENT, "email")
    )


def test_the_first_channel_with_consent_is_taken() -> None:
    promo = message(category="promo", channels=("whatsapp", "push"))
    assert judge(promo, person(consents={"push": None}), (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("push")
    none = judge(promo, person(consents={}, opted_out=["whatsapp"]), (), POLICY, CALENDAR, FRIDAY_EVENING)
    assert none == Suppress(Reason(Code.OPTED_OUT, "whatsapp"))


def test_a_channel_on_which_the_hours_come_too_late_gives_way_to_the_next() -> None:
    promo = message(category="promo", channels=("whatsapp", "push"), expires=FRIDAY_EVENING + DAY / 8)
    assert judge(promo, person(), (), POLICY, CALENDAR, FRIDAY_EVENING) == Release("push")
