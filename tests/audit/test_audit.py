"""Each kind of breach is found where it is planted, and nothing is found where the rules allow it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs.house import House
from store import tables
from tests.audit.sent import RULES, Evening, at, evening

FRIDAY = at("2026-11-20 19:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def friday(house: House) -> Evening:
    return await evening(house)


async def test_an_empty_house_is_clean(house: House) -> None:
    bare = await evening(house)
    result = await bare.examine()
    assert (result.clean, result.messages) == (True, 0)


async def test_what_kept_to_every_rule_is_clean(friday: Evening) -> None:
    run = await friday.run()
    await friday.sent(FRIDAY, run=run)
    await friday.sent(FRIDAY, run=run, channel="popup")
    await friday.sent(FRIDAY + 2 * HOUR + timedelta(seconds=3), channel="email", topic="class")
    await friday.sent(at("2026-11-21 10:00"))
    await friday.sent(at("2026-11-23 21:29"), category="promo", topic="contest")
    await friday.sent(at("2026-11-24 03:00"), category="service", topic="contest")
    result = await friday.examine()
    assert (result.counts, result.messages, result.people) == ({}, 6, 1)


async def test_outside_the_window_is_found(friday: Evening) -> None:
    moments = ["2026-11-19 18:59:59", "2026-11-20 21:30", "2026-11-21 09:59", "2026-12-25 22:00"]
    wrong = [await friday.sent(at(moment), category="info") for moment in moments]
    assert await friday.breaches() == [("outside_window", message) for message in wrong]


async def test_a_public_holiday_has_the_hours_of_a_weekend(friday: Evening) -> None:
    await friday.sent(at("2026-12-25 10:30"))
    assert (await friday.examine()).clean


async def test_a_window_over_midnight_belongs_to_the_day_it_starts_on(friday: Evening) -> None:
    night = {"window_key": "win:night@Asia/Jakarta"}
    await friday.sent(at("2026-11-21 01:30"), **night)
    wrong = await friday.sent(at("2026-11-22 01:30"), **night)
    assert await friday.breaches() == [("outside_window", wrong)]


async def test_hours_are_those_of_the_persons_own_zone_also_when_clocks_change(friday: Evening) -> None:
    friday.person = await friday.customer(2, timezone="America/New_York")
    await friday.sent(at("2026-10-30 19:00", "America/New_York"))  # summer time, UTC-4
    await friday.sent(at("2026-11-02 19:00", "America/New_York"))  # winter time, UTC-5
    early = await friday.sent(at("2026-11-04 18:30", "America/New_York"))
    assert await friday.breaches() == [("outside_window", early)]


async def test_a_window_that_no_rule_knows_is_never_open(friday: Evening) -> None:
    wrong = await friday.sent(FRIDAY, window_key="none@Asia/Jakarta")
    assert await friday.breaches() == [("outside_window", wrong)]


async def test_what_left_much_later_than_its_release_is_judged_by_when_it_left(friday: Evening) -> None:
    await friday.sent(at("2026-11-20 21:29:59"), after=timedelta(seconds=20))
    late = await friday.sent(at("2026-11-21 21:29"), after=timedelta(minutes=20))
    assert await friday.breaches() == [("outside_window", late)]


async def test_outside_the_persons_own_hours_is_found(friday: Evening) -> None:
    friday.person = await friday.customer(2, contact_hours="Mon-Fri 20:00-21:00")
    await friday.sent(at("2026-11-20 20:30"))
    early = await friday.sent(at("2026-11-19 19:30"))
    assert await friday.breaches() == [("outside_contact_hours", early)]


async def test_two_runs_closer_than_the_gap_are_found_and_the_later_is_at_fault(friday: Evening) -> None:
    await friday.sent(FRIDAY)
    second = await friday.sent(FRIDAY + 2 * HOUR, channel="email")
    assert await friday.breaches() == [("gap", second)]  # the first was sent three seconds after its release


async def test_a_failed_message_counts_against_nobody(friday: Evening) -> None:
    await friday.sent(FRIDAY, status="failed")
    await friday.sent(FRIDAY + HOUR)
    assert (await friday.examine()).clean


async def test_what_was_called_failed_and_came_all_the_same_counts_until_it_was_called_so(friday: Evening) -> None:
    contradicted = {"status": "delivered", "reason": "confirmed_after_failure", "settled_at": FRIDAY + HOUR}
    await friday.sent(FRIDAY, channel="whatsapp", **contradicted)
    meanwhile = await friday.sent(FRIDAY + HOUR / 2, channel="email")
    assert await friday.breaches() == [("gap", meanwhile)]
    await friday.sent(FRIDAY + 3 * HOUR, channel="email")
    await friday.sent(FRIDAY + 7 * HOUR, channel="whatsapp", **contradicted | {"settled_at": FRIDAY + 8 * HOUR})
    await friday.sent(FRIDAY + 8.5 * HOUR, channel="email")
    assert [word for word, _ in await friday.breaches() if word == "gap"] == ["gap"]


async def test_a_category_free_of_the_gap_may_follow_but_not_be_followed_too_soon(friday: Evening) -> None:
    await friday.sent(FRIDAY, channel="popup")
    await friday.sent(FRIDAY, category="info", channel="email")
    third = await friday.sent(FRIDAY + 2 * HOUR, channel="email")
    assert await friday.breaches() == [("gap", third)]


async def test_one_topic_twice_within_its_distance_is_found(friday: Evening) -> None:
    await friday.sent(FRIDAY, topic="class")
    again = await friday.sent(FRIDAY + 2 * DAY, topic="class")
    await friday.sent(FRIDAY + DAY, topic="contest")
    await friday.sent(FRIDAY + 5 * DAY + HOUR, topic="class")
    assert await friday.breaches() == [("same_topic", again)]


async def test_a_day_of_a_cap_is_the_persons_day(friday: Evening) -> None:
    friday.person = await friday.customer(2, timezone="America/New_York")
    free = {"window_key": "win:any-time@America/New_York"}
    await friday.sent(at("2026-11-20 21:00", "America/New_York"), **free)
    await friday.sent(at("2026-11-21 00:00", "America/New_York"), **free)  # the same day in Jakarta
    again = await friday.sent(at("2026-11-21 21:00", "America/New_York"), **free)
    assert await friday.breaches() == [("cap", again)]


async def test_a_rolling_cap_looks_back_from_each_message(friday: Evening) -> None:
    for day in (0, 3):
        await friday.sent(FRIDAY + day * DAY, channel="whatsapp")
    third = await friday.sent(FRIDAY + 6 * DAY, channel="whatsapp")
    await friday.sent(FRIDAY + 10 * DAY + HOUR, channel="whatsapp")
    assert await friday.breaches() == [("cap", third)]


async def test_one_run_on_two_channels_is_one_contact_of_a_category_cap(friday: Evening) -> None:
    for day in range(3):
        run = await friday.run()
        moment = at("2026-11-17 19:30") + day * DAY
        await friday.sent(moment, run=run, category="promo", channel="popup")
        await friday.sent(moment, run=run, category="promo", channel="email")
    assert (await friday.examine()).clean
    fourth = await friday.sent(at("2026-11-21 12:00"), category="promo", channel="popup")
    await friday.sent(at("2026-11-23 19:30"), category="promo", channel="popup")  # another week
    assert await friday.breaches() == [("cap", fourth)]


async def test_a_category_free_of_caps_may_go_but_counts(friday: Evening) -> None:
    await friday.sent(at("2026-11-20 08:00"), category="service")
    await friday.sent(at("2026-11-20 09:00"), category="service")
    push = await friday.sent(FRIDAY)
    assert await friday.breaches() == [("cap", push)]


async def test_what_counts_in_caps_is_said_by_the_rules_of_the_later_message(friday: Evening) -> None:
    await friday.now_under(RULES.replace("ignore: [gap]}", "ignore: [gap], counts_in_caps: false}"))
    await friday.sent(FRIDAY, category="info")
    await friday.sent(FRIDAY + HOUR, category="info")
    await friday.sent(FRIDAY + 2 * HOUR, category="info")
    assert (await friday.examine()).clean
    await friday.now_under(RULES)
    fourth = await friday.sent(at("2026-11-20 21:20"), category="info")
    assert await friday.breaches() == [("cap", fourth)]


async def test_history_before_the_time_asked_about_still_counts(friday: Evening) -> None:
    await friday.sent(FRIDAY)
    second = await friday.sent(FRIDAY + HOUR, channel="email")
    result = await friday.examine(FRIDAY + HOUR)
    assert result.messages == 1
    assert [each.message_id for each in result.found] == [second]


OFFER = {"category": "promo", "channel": "whatsapp"}


async def test_an_offer_without_consent_is_found_and_a_reminder_needs_none(friday: Evening) -> None:
    friday.person = await friday.customer(2, consents={"whatsapp": {"marketing": False, "hours": "always"}})
    await friday.sent(FRIDAY - DAY, channel="whatsapp")
    wrong = await friday.sent(FRIDAY, **OFFER)
    assert await friday.breaches() == [("no_consent", wrong)]


async def test_consent_is_that_of_the_moment_not_of_today(friday: Evening) -> None:
    given, refused = ({"whatsapp": {"marketing": answer, "hours": "always"}} for answer in (True, False))
    for consents, moment in ((given, FRIDAY - 3 * DAY), (refused, FRIDAY - HOUR)):
        values = {"person_id": friday.person, "recorded_at": moment, "source": "test", "consents": consents}
        await friday.put(tables.permissions, values)
    await friday.sent(FRIDAY - DAY, **OFFER)
    wrong = await friday.sent(FRIDAY, **OFFER)
    assert await friday.breaches() == [("no_consent", wrong)]


async def test_an_offer_after_an_opt_out_is_found_until_it_is_withdrawn(friday: Evening) -> None:
    word = {"kind": "opt_out", "person_id": friday.person, "channel": "whatsapp", "source": "receipt", "evidence": "STOP"}
    lift = {"lifted_at": FRIDAY + HOUR, "lifted_by": "customer", "lift_evidence": "START"}
    await friday.put(tables.suppressions, word | lift | {"at": FRIDAY - 2 * DAY, "recorded_at": FRIDAY - HOUR})
    await friday.sent(FRIDAY - DAY, **OFFER)
    wrong = await friday.sent(FRIDAY, **OFFER)
    await friday.sent(FRIDAY + 8 * DAY, **OFFER)
    assert await friday.breaches() == [("opted_out", wrong)]


async def test_an_offer_outside_the_lawful_hours_needs_consent_to_hours_on_personal_channels(friday: Evening) -> None:
    agreed = {name: {"marketing": True} for name in ("whatsapp", "popup", "email")} | {
        "email": {"marketing": True, "hours": "daily 19:00-20:00"}
    }
    friday.person = await friday.customer(2, consents=agreed)
    run = await friday.run()
    await friday.sent(FRIDAY, run=run, category="promo", channel="popup")
    await friday.sent(FRIDAY, run=run, category="promo", channel="email")
    wrong = await friday.sent(FRIDAY, run=run, **OFFER)
    await friday.sent(at("2026-11-21 10:30"), **OFFER)  # a Saturday before 18:00
    assert await friday.breaches() == [("no_hours_consent", wrong)]


async def test_the_personal_channels_are_those_the_rules_name(friday: Evening) -> None:
    await friday.now_under(RULES.replace("overlap:", "personal_channels: [popup]\noverlap:"))
    friday.person = await friday.customer(2, consents={name: {"marketing": True} for name in ("whatsapp", "popup")})
    run = await friday.run()
    await friday.sent(FRIDAY, run=run, **OFFER)
    wrong = await friday.sent(FRIDAY, run=run, category="promo", channel="popup")
    assert await friday.breaches() == [("no_hours_consent", wrong)]


async def test_content_of_an_offer_that_nobody_approved_is_found(friday: Evening) -> None:
    edited = await friday.sent(FRIDAY, content_hash="edited since", **OFFER)
    assert await friday.breaches() == [("not_approved", edited)]


async def test_a_pop_up_is_judged_by_when_it_was_shown_also_when_nothing_was_sent_since(friday: Evening) -> None:
    await friday.now_under(RULES.replace("gap: 2h", "gap: 2h\n  popup_gap: 10m"))
    shown = []
    for hour in (0, 2):
        message = await friday.sent(FRIDAY + hour * HOUR + timedelta(seconds=hour * 3), channel="popup")
        known = {"person_id": friday.person, "priority": 50, "content": {}, "available_at": FRIDAY, "expires_at": FRIDAY + DAY}
        await friday.put(tables.popups, {"message_id": message} | known)
        at_noon = {"at": at("2026-11-21 12:00") + hour * timedelta(minutes=3), "person_id": friday.person, "kind": "read"}
        await friday.put(tables.interactions, {"event_id": str(hour), "message_id": message} | at_noon)
        shown.append(message)
    result = await friday.examine(at("2026-11-21 00:00"))
    assert (result.messages, [(str(each.kind), each.message_id, each.other) for each in result.found]) == (
        0,
        [("popup_gap", shown[1], shown[0])],
    )
    assert result.found[0].at == at("2026-11-21 12:06")


async def test_what_was_worthless_when_it_went_is_found(friday: Evening) -> None:
    await friday.sent(FRIDAY, expires_at=FRIDAY + timedelta(seconds=1))
    wrong = await friday.sent(FRIDAY + DAY, expires_at=FRIDAY + DAY)
    assert await friday.breaches() == [("sent_late", wrong)]


async def test_two_acceptances_of_one_message_are_found_unless_flagged(friday: Evening) -> None:
    messages = [
        await friday.sent(FRIDAY, channel="email"),
        await friday.sent(FRIDAY + DAY, channel="email", maybe_duplicate=True),
        await friday.sent(FRIDAY + 2 * DAY),  # a device collapses the repeat
        await friday.sent(FRIDAY + 4 * DAY, channel="email"),  # replayed, after a receipt that it had failed
    ]
    receipt = {"event_id": "bounce", "message_id": messages[3], "kind": "failed", "at": FRIDAY + 4 * DAY}
    await friday.put(tables.interactions, receipt)
    for message in messages * 2:
        await friday.put(tables.attempts, {"message_id": message, "address_id": 7, "at": FRIDAY, "outcome": "sent"})
    assert await friday.breaches() == [("sent_twice", messages[0])]


async def test_each_message_is_judged_by_the_rules_it_was_released_under(friday: Evening) -> None:
    early = await friday.sent(at("2026-11-19 12:00"))
    await friday.now_under(RULES.replace("19:00-21:30", "12:00-13:00"))
    await friday.sent(at("2026-11-20 12:00"))
    assert await friday.breaches() == [("outside_window", early)]
