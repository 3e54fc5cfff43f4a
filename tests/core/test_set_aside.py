"""One poisoned thing in a batch: it is set aside with its error, where it can be seen and tried again, and everything else goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from channels.base import Sent
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.mishaps import is_outage, words
from jobs.outages import wait_out
from jobs.plan import plan_events, plan_runs
from jobs.queue import drain, make_app
from jobs.receipts import apply_receipts
from jobs.sends import _storable
from jobs.valve import FEW, valve
from scheduler.firing import fire
from store import events, receipts, set_aside
from store.engine import Database
from tests.core.conftest import Stage
from tests.core.webhooks import answered, status
from tests.world import at, campaign, configure, files, person, play, rows, statuses

POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'of Budi Santoso'; END $$;
CREATE TRIGGER poison BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION poison();
"""


async def poison(database: Database, table: str, when: str) -> None:
    """Rows of this kind cannot be written: a damaged page, a forgotten constraint, a defect of ours."""
    async with database.begin() as connection:
        for statement in POISON.format(table=table, when=when).strip().split(";\n"):
            await connection.execute(text(statement.replace(":", "\\:")))


async def cure(database: Database, table: str) -> None:
    async with database.begin() as connection:
        await connection.execute(text(f"DROP TRIGGER poison ON {table}"))


def restarted(house: House) -> House:
    """Without what it has in memory of configurations."""
    return replace(house, catalog=Catalog(house.channels))


async def found(stage: Stage) -> list[tuple[str, str, str]]:
    async with stage.house.database.begin() as connection:
        return [(item.kind, item.what, item.error) for item in await set_aside.every(connection)]


async def try_again(stage: Stage, kind: str) -> int:
    async with stage.house.database.begin() as connection:
        return await set_aside.retry(connection, kind)


async def test_a_run_whose_version_cannot_be_read_any_more_is_set_aside_and_the_others_are_planned(stage: Stage) -> None:
    house = stage.house
    await person(house.database, 1)
    await configure(house, files(campaign("old", category="service")))
    await fire(house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:50"))
    await fire(house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:55"))
    await configure(house, files(campaign("old", category="service"), campaign("new", when='{at: "2026-11-20 19:00"}')))
    await fire(house, stage.clock.now())
    async with house.database.begin() as connection:
        await connection.execute(text("""UPDATE versions SET files = '{"rules.yaml": "of another edition"}' WHERE id = 1"""))
    stage.clock.advance_to(at("2026-11-20 19:01"))
    await fire(house, stage.clock.now())
    planned = await plan_runs(restarted(house), stage.clock.now())
    assert (planned.runs, planned.messages) == (1, 1)
    [(kind, what, error)] = await found(stage)
    assert (kind, what) == ("run", "old 2026-11-20T18:45")
    assert error.startswith("set_aside:ConfigError: config/rules.yaml")


async def test_a_run_that_was_set_aside_is_planned_once_it_is_retried(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign()))
    await fire(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:50"))
    await fire(stage.house, stage.clock.now())
    await poison(stage.house.database, "messages", "true")
    assert (await plan_runs(stage.house, stage.clock.now())).runs == 0
    assert await found(stage) == [("run", "hello 2026-11-20T18:45", "set_aside:RaiseException")]
    await cure(stage.house.database, "messages")
    assert (await plan_runs(stage.house, stage.clock.now())).runs == 0
    assert await try_again(stage, "run") == 1
    assert (await plan_runs(stage.house, stage.clock.now())).runs == 1
    assert await found(stage) == []


async def test_an_event_that_breaks_one_campaign_is_set_aside_and_all_else_of_the_batch_is_planned(stage: Stage) -> None:
    house = stage.house
    people = [await person(house.database, number) for number in range(8)]
    everyone = {"when": "{event: kyc.updated}", "category": "service"}
    await configure(house, files(campaign("letter", **everyone, channels="[email]"), campaign("note", **everyone, channels="[push]")))
    async with house.database.begin() as connection:
        for number in range(8):
            await events.add(
                connection, event_id=f"e{number}", name="kyc.updated", customer_no=f"C{number:06}", data={}, now=stage.clock.now()
            )
    await poison(house.database, "messages", f"new.person_id = {people[5]} AND new.channel = 'email'")
    planned = await plan_events(house, stage.clock.now())
    assert (planned.events, planned.messages) == (8, 15)
    assert await found(stage) == [("event", "kyc.updated", "letter: RaiseException")]
    assert (await plan_events(house, stage.clock.now())).events == 0  # it stands in nobody's way
    await cure(house.database, "messages")
    assert await try_again(stage, "event") == 1
    assert (await plan_events(house, stage.clock.now())).messages == 1
    assert len(await rows(house.database, "SELECT DISTINCT person_id, channel FROM messages")) == 16


async def test_a_campaign_that_breaks_at_every_event_takes_no_time_for_each(stage: Stage) -> None:
    house = stage.house
    await person(house.database, 1)
    await configure(
        house, files(campaign("a", when="{event: kyc.updated}"), campaign("b", when="{event: kyc.updated}", channels="[popup]"))
    )
    async with house.database.begin() as connection:
        for number in range(300):
            await events.add(connection, event_id=f"e{number}", name="kyc.updated", customer_no="C000001", data={}, now=stage.clock.now())
    await poison(house.database, "runs", "new.campaign = 'a'")
    planned = await plan_events(house, stage.clock.now())
    assert (planned.events, planned.messages) == (300, 300)
    assert {error for _, _, error in await found(stage)} == {"a: RaiseException"}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe not json",
        b"[" * 100_000,
        json.dumps({"object": "whatsapp_business_account", "entry": 7}).encode(),
        json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": None}]}]}).encode(),
    ],
    ids=["no text", "too deep", "a number for a list", "null for an object"],
)
async def test_a_receipt_that_the_parser_chokes_on_holds_up_no_other(stage: Stage, body: bytes) -> None:
    await receive_with(stage, body)


@pytest.mark.parametrize(
    ("change", "into"),
    [
        ('"wamid.Y"', '"wamid.\\u0000"'),
        ('"wamid.Y"', '"wamid.\\ud800"'),
        ('"a word"', '"\\u0000 \\udfff"'),
        ('"timestamp": "', '"timestamp": "99999999999999'),
        ('"timestamp": "', '"timestamp": "-'),
    ],
    ids=["a NUL in an id", "half a pair in an id", "both in what was said", "a year nobody has", "a time before all"],
)
async def test_a_receipt_that_cannot_be_stored_holds_up_no_other(stage: Stage, change: str, into: str) -> None:
    good = answered(stage, "a word").decode()
    assert change in good
    await receive_with(stage, good.replace(change, into).encode())


async def receive_with(stage: Stage, odd: bytes) -> None:
    house = stage.house
    await person(house.database, 1)
    await configure(house, files(campaign(channels="[whatsapp]")))
    await stage.until("2026-11-20 19:05")
    [message] = await rows(house.database, "SELECT id FROM messages WHERE status = 'sent'")
    async with house.database.begin() as connection:
        for body in (odd, odd, status(stage, message.id, "delivered"), odd):
            await receipts.store(connection, "whatsapp", body, stage.clock.now())
    assert await apply_receipts(house, stage.clock.now()) == 4
    assert await statuses(house.database) == [("C000001", "whatsapp", "delivered", None)]
    assert await rows(house.database, "SELECT FROM receipts WHERE applied_at IS NULL") == []


async def test_a_receipt_that_was_set_aside_is_applied_once_it_is_retried(stage: Stage) -> None:
    house = stage.house
    await person(house.database, 1)
    await configure(house, files(campaign(channels="[whatsapp]")))
    await stage.until("2026-11-20 19:05")
    [message] = await rows(house.database, "SELECT id FROM messages WHERE status = 'sent'")
    await poison(house.database, "interactions", "new.kind = 'read'")
    async with house.database.begin() as connection:
        for word in ("read", "delivered"):
            await receipts.store(connection, "whatsapp", status(stage, message.id, word), stage.clock.now())
    await apply_receipts(house, stage.clock.now())
    assert [row[2] for row in await statuses(house.database)] == ["delivered"]
    assert await found(stage) == [("receipt", "whatsapp", "RaiseException")]
    await cure(house.database, "interactions")
    assert await try_again(stage, "receipt") == 1
    await apply_receipts(house, stage.clock.now())
    assert [row[2] for row in await statuses(house.database)] == ["read"]


@pytest.mark.parametrize(
    "odd",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "Asia"},
        {"timezone": "../etc/passwd"},
        {"contact_hours": "when I am at home"},
        {"consents": {"push": {"marketing": True, "hours": "never ever"}}},
        {"consents": {"push": "yes"}},
    ],
    ids=[
        "a zone nobody knows",
        "a directory of zones",
        "a path",
        "hours that cannot be read",
        "hours of a consent",
        "a word for a consent",
    ],
)
async def test_a_customer_who_cannot_be_judged_is_set_aside_and_everybody_else_is_written_to(stage: Stage, odd: dict[str, Any]) -> None:
    house = stage.house
    for number in range(12):
        await person(house.database, number, **(odd if number == 7 else {}))
    await configure(house, files(campaign()))
    await stage.until("2026-11-20 19:05")
    found = await statuses(house.database)
    assert [row[0] for row in found if row[2] == "sent"] == [f"C{number:06}" for number in range(12) if number != 7]
    [(_, _, status, reason)] = [row for row in found if row[0] == "C000007"]
    assert status == "failed"
    assert (reason or "").startswith("set_aside:")


async def test_when_nobody_can_be_judged_nobody_is_set_aside(stage: Stage) -> None:
    """A defect of ours, or of the rules: the tick fails and says so, and nothing is lost."""
    house = stage.house
    for number in range(FEW + 20):
        await person(house.database, number, consents={"push": "yes"})
    await configure(house, files(campaign()))
    await fire(house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 19:00"))
    await fire(house, stage.clock.now())
    await plan_runs(house, stage.clock.now())
    with pytest.raises(AttributeError):
        await valve(house, stage.clock.now())
    assert {row[2] for row in await statuses(house.database)} == {"queued"}


async def test_what_was_planned_with_a_version_that_cannot_be_read_fails_alone(stage: Stage) -> None:
    house = stage.house
    await person(house.database, 1)
    await person(house.database, 2)
    early = campaign("old", category="service", when='{at: "2026-11-20 18:40"}')
    await configure(house, files(early))
    await fire(house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:41"))
    await fire(house, stage.clock.now())
    await plan_runs(house, stage.clock.now())
    new = campaign("new", category="service", channels="[popup]")
    await configure(house, files(early, new))
    await fire(house, stage.clock.now())
    async with house.database.begin() as connection:
        await connection.execute(text("""UPDATE versions SET files = '{"rules.yaml": "of another edition"}' WHERE id = 1"""))
    house = restarted(house)
    app = make_app(house)
    async with app.open_async():
        await play(house, stage.clock, at("2026-11-20 18:50"), lambda: drain(app, ["push", "popup"], 2))
    told = {row[1:] for row in await statuses(house.database)}
    assert told == {("push", "failed", "render_error"), ("popup", "sent", None)}


def test_an_outage_is_told_from_a_row_that_cannot_be_worked_on() -> None:
    def wrapped(error: psycopg.Error) -> DBAPIError:
        return DBAPIError("SELECT", None, error)

    passing = [psycopg.errors.DiskFull(), psycopg.errors.DeadlockDetected(), psycopg.errors.AdminShutdown(), psycopg.errors.QueryCanceled()]
    assert all(is_outage(wrapped(error)) for error in [*passing, psycopg.OperationalError("gone"), psycopg.errors.LockNotAvailable()])
    assert all(is_outage(error) for error in (ConnectionResetError(), TimeoutError()))
    lasting = [psycopg.errors.NumericValueOutOfRange(), psycopg.errors.StatementTooComplex(), psycopg.errors.DataCorrupted()]
    assert not any(is_outage(wrapped(error)) for error in [*lasting, psycopg.DataError("a NUL")])
    assert not any(is_outage(error) for error in (MemoryError(), RecursionError(), IsADirectoryError(), ValueError()))


def test_an_error_is_told_without_the_row_it_is_about() -> None:
    error = psycopg.errors.NotNullViolation('null value in column "x"\nDETAIL:  Failing row contains (Budi Santoso, +628123456789).')
    assert words(DBAPIError("SELECT", None, error)) == "NotNullViolation"
    with pytest.raises(ValueError, match="Budi") as wrong:
        int("Budi Santoso")
    assert words(wrong.value).startswith("ValueError at tests/core/test_set_aside.py:")


def test_a_providers_odd_characters_do_not_keep_its_answer_from_being_stored() -> None:
    assert _storable(Sent("wamid.\0\ud800")) == Sent("wamid.?")


async def test_a_file_that_cannot_be_read_is_no_outage_and_nobody_waits_for_it(clock: VirtualClock) -> None:
    tries = []

    async def work() -> None:
        tries.append(1)
        raise IsADirectoryError

    with pytest.raises(IsADirectoryError):
        await wait_out(clock, work, "settle", lambda: len(tries) < 2)
    assert len(tries) == 1
