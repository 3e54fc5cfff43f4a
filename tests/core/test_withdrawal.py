"""Consent that is taken back stops the offers that wait, in the same transaction, whoever hears of it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import text

from console.cli.why import show, tell
from jobs.customers import import_customers
from jobs.withdrawal import opt_out
from store import receipts
from tests.core.conftest import Stage
from tests.world import campaign, configure, files, person, rows, statuses

BOTH = "{first: [push, email]}"
OFFERS = (
    campaign("gift", category="promo"),
    campaign("mail", category="promo", channels="[email]"),
    campaign("either", category="promo", channels=BOTH),
    campaign("note"),
)


async def waiting(stage: Stage, *people: int) -> None:
    """At 18:50, before the window, everything is planned and waits; some of it deferred."""
    for number in people or (1,):
        await person(stage.house.database, number)
    await configure(stage.house, files(*OFFERS))
    await stage.until("2026-11-20 18:50")


async def became(stage: Stage, customer: str = "C000001") -> dict[str, tuple[str, str | None]]:
    found = await rows(
        stage.house.database,
        """SELECT r.campaign, m.status, m.reason FROM messages m JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id
           WHERE p.customer_no = :customer""",
        customer=customer,
    )
    return {row.campaign: (row.status, row.reason) for row in found}


async def says_no(stage: Stage, person_id: int, channel: str = "push") -> None:
    async with stage.house.database.begin() as connection:
        await opt_out(stage.house, connection, [(person_id, channel, "test")], stage.clock.now())


async def customer_file(stage: Stage, path: Path, *lines: str, offers: tuple[str, ...] = ("promo",)) -> None:
    path.write_text("\n".join(lines))
    now = stage.clock.now()
    await import_customers(stage.house.database, path, now=now, today=now.date(), progress=lambda done, total: None, offers=offers)


async def execute(stage: Stage, statement: str, **values: Any) -> None:
    async with stage.house.database.begin() as connection:
        await connection.execute(text(statement), values)


async def test_an_opt_out_stops_the_offers_of_that_channel_and_nothing_else(stage: Stage) -> None:
    await waiting(stage, 1, 2)
    [one] = await rows(stage.house.database, "SELECT id FROM people WHERE customer_no = 'C000001'")
    await says_no(stage, one.id)
    assert await became(stage) == {
        "gift": ("suppressed", "opted_out:push"),
        "mail": ("queued", None),
        "either": ("queued", None),
        "note": ("queued", None),
    }
    assert set((await became(stage, "C000002")).values()) == {("queued", None)}
    [gift] = await rows(stage.house.database, "SELECT trail, settled_at, next_attempt_at FROM messages WHERE status = 'suppressed'")
    assert (gift.trail[-1]["is"], gift.trail[-1]["why"]) == ("suppressed", "opted_out:push")
    assert (gift.settled_at, gift.next_attempt_at) == (stage.clock.now(), None)
    page = StringIO()
    show(await tell(stage.house, "C000001", stage.clock.now()), Console(width=200, file=page))
    assert "not sent: the person opted out of offers on push" in page.getvalue()


async def test_what_is_deferred_is_stopped_too_and_what_is_on_its_way_is_left_to_dispatch(stage: Stage) -> None:
    await waiting(stage)
    await execute(
        stage,
        """UPDATE messages SET status = 'deferred', reason = 'gap:9', next_attempt_at = :later
           WHERE run_id = (SELECT id FROM runs WHERE campaign = 'gift')""",
        later=stage.clock.now(),
    )
    await says_no(stage, 1)
    assert (await became(stage))["gift"] == ("suppressed", "opted_out:push")
    await execute(stage, "UPDATE messages SET status = 'released', reason = NULL, released_at = now() WHERE channel = 'email'")
    await says_no(stage, 1, "email")
    assert (await became(stage))["mail"] == ("released", None)


async def test_an_offer_is_what_the_newest_rules_say(stage: Stage) -> None:
    await waiting(stage)
    rules = files(*OFFERS)["rules.yaml"].replace("{priority: 50}", "{priority: 50, offer: true}")
    await configure(stage.house, files(*OFFERS, rules=rules))
    await says_no(stage, 1)
    assert (await became(stage))["note"] == ("suppressed", "opted_out:push")


async def test_a_message_with_another_channel_goes_by_that_one(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("either", category="promo", channels=BOTH)))
    await stage.until("2026-11-20 18:50")
    await says_no(stage, 1)
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [("C000001", "email", "sent", None)]


async def test_a_stop_by_whatsapp_stops_the_offers_there(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("gift", category="promo", channels="[whatsapp, email]")))
    await stage.until("2026-11-20 18:50")
    value = {
        "contacts": [{"wa_id": "6281200000001"}],
        "user_preferences": [
            {"wa_id": "6281200000001", "category": "marketing_messages", "value": "stop", "timestamp": int(stage.clock.now().timestamp())}
        ],
    }
    body = json.dumps({"entry": [{"changes": [{"field": "user_preferences", "value": value}]}]}).encode()
    async with stage.house.database.begin() as connection:
        await receipts.store(connection, "whatsapp", body, stage.clock.now())
    await stage.now()
    assert await statuses(stage.house.database) == [
        ("C000001", "email", "queued", None),
        ("C000001", "whatsapp", "suppressed", "opted_out:whatsapp"),
    ]


async def test_an_opt_out_does_not_wait_for_the_valve_which_then_judges_by_it(stage: Stage) -> None:
    await waiting(stage)
    async with stage.house.database.begin() as busy:
        await busy.execute(text("SELECT 1 FROM messages FOR UPDATE"))
        await says_no(stage, 1)
    assert (await became(stage))["gift"] == ("queued", None)
    await stage.until("2026-11-20 19:05")
    assert (await became(stage))["gift"] == ("suppressed", "opted_out:push")


async def test_a_customer_file_that_takes_consent_away_stops_the_offers(stage: Stage, tmp_path: Path) -> None:
    await waiting(stage, 1, 2, 3)
    await customer_file(
        stage,
        tmp_path / "c.csv",
        "customer_no,name,consent_push",
        "C000001,Budi,tidak",
        "C000002,Sari,ya",
        "C000003,Dewi,",
    )
    stopped = {"gift": ("suppressed", "no_consent:push"), "mail": ("queued", None), "either": ("queued", None), "note": ("queued", None)}
    assert await became(stage) == stopped
    assert await became(stage, "C000003") == stopped  # nothing recorded is no consent either
    assert set((await became(stage, "C000002")).values()) == {("queued", None)}
    [gift] = await rows(stage.house.database, "SELECT trail, settled_at FROM messages WHERE status = 'suppressed' ORDER BY id LIMIT 1")
    assert (gift.trail[-1]["why"], gift.settled_at) == ("no_consent:push", stage.clock.now())


async def test_a_file_that_is_silent_on_consent_or_finds_none_stops_nothing(stage: Stage, tmp_path: Path) -> None:
    await person(stage.house.database, 1)
    await person(stage.house.database, 2, consents={"email": {"marketing": True, "hours": None}})
    await configure(stage.house, files(*OFFERS))
    await stage.until("2026-11-20 18:50")
    await customer_file(stage, tmp_path / "c.csv", "customer_no,name", "C000001,Budi Baru")
    await customer_file(stage, tmp_path / "c.csv", "customer_no,name,consent_push", "C000002,Sari Baru,tidak")
    assert set((await became(stage)).values()) == {("queued", None)}
    assert (await became(stage, "C000002"))["gift"] == ("queued", None)  # the valve says so when it looks
    await stage.until("2026-11-20 19:05")
    assert (await became(stage, "C000002"))["gift"] == ("suppressed", "no_consent:push")


async def test_a_run_whose_last_offer_is_stopped_finishes(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("gift", category="promo")))
    await stage.until("2026-11-20 18:50")
    await says_no(stage, 1)
    await stage.until("2026-11-20 18:52")
    assert [row.status for row in await rows(stage.house.database, "SELECT status FROM runs")] == ["finished"]
