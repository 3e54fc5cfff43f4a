"""Back after five days, or an older database was restored: nothing stale leaves, and everything says what became of it."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import text

from jobs.popups import offer
from jobs.receipts import apply_receipts
from scheduler.firing import fire
from store import events, receipts
from tests.core.conftest import Stage
from tests.core.digests import MANY, WORDS
from tests.core.webhooks import status
from tests.world import RULES, at, campaign, configure, files, person, rows

EVENING = "2026-11-20 18:50"
RULES_WITH_DIGEST = RULES.replace("info: {priority: 30}", "info: {priority: 30, digest: {within: 12h, template: many}}")
THEN = "{first: [whatsapp], then: {channel: email, after: 2h, unless: read}}"
# Everything that a message can wait in, as SQL puts one person's into it.
LEFT = {
    1: "status = 'queued'",
    2: "status = 'deferred', reason = 'gap:7', next_attempt_at = '2026-11-20T14:00Z'",
    3: "status = 'released', released_at = '2026-11-20T11:50Z', chunk_id = 901",
    4: "status = 'sending', released_at = '2026-11-20T11:50Z', chunk_id = 902, lease_until = '2026-11-20T11:52Z', fence = 1, attempts = 1",
    5: "status = 'deferred', reason = 'retry:503', attempts = 2, next_attempt_at = '2026-11-20T11:51Z', doubted_at = '2026-11-20T11:50Z'",
}


async def left(stage: Stage, *, expires: str = "3h") -> None:
    """Evening of 20 November: one message of each kind was on its way when everything stopped."""
    for number in LEFT:
        await person(stage.house.database, number)
    await configure(stage.house, files(campaign(expires=expires)))
    await stage.until(EVENING)
    async with stage.house.database.begin() as connection:
        for number, state in LEFT.items():
            who = f"person_id = (SELECT id FROM people WHERE customer_no = 'C{number:06}')"
            await connection.execute(text(f"UPDATE messages SET {state} WHERE {who}".replace(":", "\\:")))


async def five_days(stage: Stage) -> None:
    stage.clock.advance_to(at("2026-11-25 19:30"))  # in the middle of an evening's window
    await stage.until("2026-11-25 21:00")


async def fates(stage: Stage) -> list[tuple[str, str | None]]:
    found = await rows(stage.house.database, "SELECT status, reason FROM messages ORDER BY person_id, id")
    return [(row.status, row.reason) for row in found]


async def test_whatever_was_on_its_way_has_expired_and_says_so(stage: Stage) -> None:
    await left(stage)
    await five_days(stage)
    assert stage.delivered() == []
    assert await fates(stage) == [
        ("expired", "expired"),
        ("expired", "expired_after:gap:7"),
        ("expired", "expired_released"),
        ("unknown", "in_doubt:expired_after:lease_lapsed"),
        ("unknown", "in_doubt:expired_after:retry:503"),
    ]
    assert {row.status for row in await rows(stage.house.database, "SELECT status FROM runs")} == {"finished"}


async def test_a_worker_that_wakes_before_everybody_else_sends_nothing_stale(stage: Stage) -> None:
    """Its chunk's job is still in the queue: what it claims is looked at by the clock of now."""
    await left(stage)
    async with stage.house.database.begin() as connection:
        await connection.execute(
            text(
                """INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
                   VALUES ('push', 'dispatch', '{"chunk"\\: 901, "channel"\\: "push"}', 'todo')"""
            )
        )
    stage.clock.advance_to(at("2026-11-25 19:30"))
    await stage.send()
    assert stage.delivered() == []
    assert ("expired", "expired") in await fates(stage)


async def test_a_message_that_is_good_for_a_week_still_goes_once(stage: Stage) -> None:
    await left(stage, expires="7d")
    await five_days(stage)
    assert len(stage.delivered()) == len(LEFT)
    assert Counter(status for status, _ in await fates(stage)) == {"sent": len(LEFT)}


async def test_runs_that_were_missed_keep_to_their_policy_and_to_their_expiry(stage: Stage) -> None:
    house = stage.house
    await person(house.database, 1)
    daily: dict[str, object] = {"when": '{cron: "0 19 * * *"}', "category": "service", "channels": "[email]"}
    await configure(
        house,
        files(
            campaign("all", **daily, catch_up="all", expires="50h"),
            campaign("latest", **daily, catch_up="latest", expires="50h"),
            campaign("skip", **daily, catch_up="skip", expires="50h"),
            campaign("short", **daily, catch_up="all", expires="1h"),
        ),
    )
    await fire(house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-25 20:30"))  # six were due: the 20th to the 25th
    await stage.until("2026-11-25 20:31")
    found = await rows(house.database, "SELECT campaign, coalesce(reason, status) AS fate, count(*) AS n FROM runs GROUP BY 1, 2")
    assert {(row.campaign, row.fate): row.n for row in found} == {
        ("all", "missed:expired"): 3,
        ("all", "finished"): 3,
        ("latest", "missed:expired"): 3,
        ("latest", "missed:catch_up_latest"): 2,
        ("latest", "finished"): 1,
        ("skip", "missed:expired"): 3,
        ("skip", "missed:catch_up_skip"): 3,
        ("short", "missed:expired"): 6,
    }
    assert len(stage.delivered("email")) == 4


async def test_a_run_that_was_due_and_not_planned_yet_has_expired(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(expires="3h", category="service")))
    await fire(stage.house, stage.clock.now())
    stage.clock.advance_to(at(EVENING))
    await fire(stage.house, stage.clock.now())
    await five_days(stage)
    assert stage.delivered() == []
    assert await fates(stage) == [("expired", "expired")]


async def test_a_customer_event_that_nobody_planned_is_not_answered_days_later(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(when="{event: kyc.updated}", category="service", expires="3h")))
    async with stage.house.database.begin() as connection:
        await events.add(connection, event_id="e", name="kyc.updated", customer_no="C000001", data={}, now=stage.clock.now())
    await five_days(stage)
    assert stage.delivered() == []
    assert await fates(stage) == [("expired", "expired")]


async def test_nothing_follows_a_message_that_nobody_answered_days_ago(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(channels=THEN, expires="12h", category="service")))
    await stage.until(EVENING)
    assert await fates(stage) == [("sent", None)]
    await five_days(stage)
    assert stage.delivered("email") == []
    assert await fates(stage) == [("sent", None)]


async def test_what_a_carrier_was_to_take_along_expires_with_it(stage: Stage) -> None:
    house = stage.house
    await person(house.database, 1)
    two = [campaign(name, category="info", expires="3h") for name in ("one", "two")]
    await configure(house, files(*two, rules=RULES_WITH_DIGEST, template=WORDS) | {"templates/many.yaml": MANY})
    await stage.until(EVENING)
    async with house.database.begin() as connection:
        carrier = "(SELECT min(id) FROM messages)"
        await connection.execute(
            text(f"UPDATE messages SET status = 'released', released_at = '2026-11-20T11\\:55Z', chunk_id = 901 WHERE id = {carrier}")
        )
        await connection.execute(text(f"UPDATE messages SET status = 'merged', carrier_id = {carrier} WHERE id > {carrier}"))
    await five_days(stage)
    assert stage.delivered() == []
    assert [status for status, _ in await fates(stage)] == ["expired", "expired"]


async def test_a_pop_up_that_lay_ready_is_not_shown_days_later(stage: Stage) -> None:
    person_id = await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(channels="[popup]", category="service", expires="3h")))
    await stage.until(EVENING)
    assert await fates(stage) == [("sent", None)]
    stage.clock.advance_to(at("2026-11-25 19:30"))
    assert (await offer(stage.house, person_id, "app_open", stage.clock.now())).item is None


async def test_what_a_provider_tells_of_a_message_that_a_restored_database_took_for_unsent_is_believed(stage: Stage) -> None:
    """The backup was made while it was being sent; it did go, and its receipt comes now."""
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(channels="[whatsapp]", expires="7d")))
    await stage.until(EVENING)
    async with stage.house.database.begin() as connection:
        await connection.execute(text(f"UPDATE messages SET {LEFT[4]}".replace(":", "\\:")))
    [message] = await rows(stage.house.database, "SELECT id FROM messages")
    await five_days(stage)
    assert [status for status, _ in await fates(stage)] == ["unknown"]
    assert stage.delivered("whatsapp") == []
    async with stage.house.database.begin() as connection:
        await receipts.store(connection, "whatsapp", status(stage, message.id, "delivered"), stage.clock.now())
    await apply_receipts(stage.house, stage.clock.now())
    assert await fates(stage) == [("delivered", "confirmed_by_receipt")]
