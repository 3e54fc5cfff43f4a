"""The whole way, from YAML to a provider's socket, on a virtual clock."""

from __future__ import annotations

import pytest

from store import events
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person, rows, statuses

SATURDAY = '{at: "2026-11-21 08:00"}'


async def test_a_message_waits_for_the_evening_and_goes_out_once(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-20 18:59")
    assert await statuses(stage.house.database) == [("C000001", "push", "queued", None)]
    assert stage.delivered() == []
    await stage.until("2026-11-22 12:00")
    assert await statuses(stage.house.database) == [("C000001", "push", "sent", None)]
    [sent] = stage.delivered()
    assert at("2026-11-20 19:00") <= sent < at("2026-11-20 19:01")


async def test_on_saturday_the_window_opens_at_ten(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(when=SATURDAY)))
    await stage.until("2026-11-21 12:00")
    [sent] = stage.delivered()
    assert at("2026-11-21 10:00") <= sent < at("2026-11-21 10:01")


async def test_the_window_is_judged_by_the_clocks_of_the_person(stage: Stage) -> None:
    await person(stage.house.database, 1, timezone="Asia/Jayapura")  # two hours ahead of Jakarta
    await configure(stage.house, files(campaign(when=SATURDAY, channels="[email]")))
    await stage.until("2026-11-21 12:00")
    [sent] = stage.delivered("email")
    assert at("2026-11-21 08:00") <= sent < at("2026-11-21 08:01")


async def test_contact_hours_of_the_person_narrow_the_window(stage: Stage) -> None:
    await person(stage.house.database, 1, contact_hours="Mon-Fri 20:00-21:00")
    await configure(stage.house, files(campaign()))
    await stage.until("2026-11-20 22:00")
    [sent] = stage.delivered()
    assert at("2026-11-20 20:00") <= sent < at("2026-11-20 20:01")


async def test_all_four_channels_carry_one_run_as_one_contact(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(channels="[push, whatsapp, email, popup]")))
    await stage.until("2026-11-20 19:05")
    found = await statuses(stage.house.database)
    assert {channel: status for _, channel, status, _ in found} == dict.fromkeys(("push", "whatsapp", "email", "popup"), "sent")
    assert [len(stage.delivered(channel)) for channel in ("push", "whatsapp", "email")] == [1, 1, 1]
    [popup] = await rows(stage.house.database, "SELECT content FROM popups")
    assert popup.content["title"] == "Halo Budi"


async def test_two_runs_keep_the_gap_whatever_the_channel(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("one", channels="[email]"), campaign("two", channels="[push]", category="info")))
    await stage.until("2026-11-20 21:25")
    [mail], [push] = stage.delivered("email"), stage.delivered("push")
    assert at("2026-11-20 19:00") <= mail < at("2026-11-20 19:01")
    assert (push - mail).total_seconds() >= 2 * 3600


async def test_the_daily_cap_moves_a_second_push_to_the_next_opening(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("one"), campaign("two", category="info")))
    await stage.until("2026-11-20 23:00")
    [waiting] = await rows(stage.house.database, "SELECT reason, next_attempt_at FROM messages WHERE status = 'deferred'")
    assert waiting.reason.startswith("cap:push")
    assert waiting.next_attempt_at == at("2026-11-21 10:00")
    await stage.until("2026-11-21 11:00")
    assert len(stage.delivered()) == 2


async def test_what_is_worthless_is_never_sent_late(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(expires="10m")))
    await stage.until("2026-11-21 12:00")
    assert [status for *_, status, _ in await statuses(stage.house.database)] == ["expired"]
    assert stage.delivered() == []


async def test_a_person_without_consent_gets_no_offer_and_the_row_says_why(stage: Stage) -> None:
    await person(stage.house.database, 1, consents={})
    await person(stage.house.database, 2)
    await configure(stage.house, files(campaign(category="promo")))
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [("C000001", "push", "suppressed", "no_consent:push"), ("C000002", "push", "sent", None)]


async def test_an_evening_offer_needs_the_hours_consent_too(stage: Stage) -> None:
    await person(stage.house.database, 1, consents={"email": {"marketing": True, "hours": None}})
    await configure(stage.house, files(campaign(category="promo", channels="[email]", expires="3h")))
    await stage.until("2026-11-20 23:00")
    [(_, _, status, reason)] = await statuses(stage.house.database)
    assert (status, (reason or "").partition(":")[0]) == ("suppressed", "no_hours_consent")


async def test_an_offer_nobody_approved_does_not_leave_and_an_edit_voids_an_approval(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(category="promo")), approve=True)
    edited = files(campaign(category="promo", expires="2d"))
    await configure(stage.house, edited, approve=False)
    await stage.until("2026-11-20 19:30")
    assert stage.delivered() == []
    await configure(stage.house, edited)
    await stage.until("2026-11-20 19:35")
    assert len(stage.delivered()) == 1


async def test_the_first_reachable_channel_carries_the_message(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await person(stage.house.database, 2, sorts=("email",))
    await configure(stage.house, files(campaign(channels="{first: [whatsapp, email]}")))
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [("C000001", "whatsapp", "sent", None), ("C000002", "email", "sent", None)]


async def test_a_customer_event_goes_out_at_once_at_any_hour_and_once(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("kyc", category="service", when="{event: kyc.updated}", audience="everyone")))
    for _ in range(2):
        async with stage.house.database.begin() as connection:
            await events.add(connection, event_id="e1", name="kyc.updated", customer_no="C000001", data={}, now=stage.clock.now())
    await stage.now()
    assert len(stage.delivered()) == 1
    async with stage.house.database.begin() as connection:
        await events.add(connection, event_id="e2", name="kyc.updated", customer_no="C000001", data={}, now=stage.clock.now())
    await stage.now()
    assert len(stage.delivered()) == 2


async def test_an_event_for_an_unknown_customer_is_refused(stage: Stage) -> None:
    with pytest.raises(events.UnknownCustomer):
        async with stage.house.database.begin() as connection:
            await events.add(connection, event_id="e1", name="kyc.updated", customer_no="C9", data={}, now=stage.clock.now())


async def test_a_campaign_taken_out_of_the_configuration_is_withdrawn(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("one"), campaign("two", channels="[email]")))
    await stage.until("2026-11-20 18:50")
    await configure(stage.house, files(campaign("two", channels="[email]")))
    await stage.until("2026-11-20 19:30")
    assert await statuses(stage.house.database) == [
        ("C000001", "email", "sent", None),
        ("C000001", "push", "cancelled", "campaign_removed"),
    ]


async def test_hours_that_never_meet_the_window_are_told_as_soon_as_the_run_is_planned(stage: Stage) -> None:
    await person(stage.house.database, 1, contact_hours="Mon-Fri 08:00-10:00")
    await person(stage.house.database, 2, contact_hours="Mon-Fri 20:00-21:00")
    await configure(stage.house, files(campaign(), campaign("urgent", category="service")))
    await stage.until("2026-11-20 18:46")
    assert await statuses(stage.house.database) == [
        ("C000001", "push", "sent", None),  # a service message asks for no window
        ("C000001", "push", "suppressed", "no_window:contact_hours"),
        ("C000002", "push", "sent", None),
        ("C000002", "push", "queued", None),
    ]
