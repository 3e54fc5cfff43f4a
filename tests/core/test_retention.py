"""What is over goes in its time, and never while a rule still counts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from channels.registry import CHANNELS
from config.loader import parse
from config.problems import ConfigError
from config.retention import Retention
from config.settings import Settings
from jobs.catalog import Catalog, Published
from jobs.forget import forget_customer
from jobs.house import House
from jobs.housekeeping import BATCH, housekeeping
from jobs.retention import messages_kept, remembers
from scheduler.bootstrap import contents
from scheduler.reload import Watch
from store import set_aside, upkeep, versions
from tests.world import RULES, campaign, configure, files, person, rows

BY_THE_MONTH = RULES.replace("per: day", "per: month")

RUN = """INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
    SELECT 'c', 'o', id, 'h', 'reminder', 1, '{}', :due, :due, 'finished' FROM versions ORDER BY id LIMIT 1 OFFSET :nth"""
OLD_AND_NEW = (
    "INSERT INTO receipts (source, body, received_at, applied_at) VALUES ('push', 'old', :old, :old), ('push', 'new', :new, :new)",
    "INSERT INTO interactions (event_id, kind, at, detail) VALUES ('old', 'replied', :old, 'x'), ('new', 'replied', :new, 'x')",
    """INSERT INTO events (event_id, name, person_id, data, received_at, planned_at)
       SELECT e, 'kyc.updated', p.id, '{"reason": "x"}', t, t
       FROM people p, (VALUES ('old', CAST(:old AS timestamptz)), ('new', :new)) v(e, t)""",
    """INSERT INTO popup_tests (person_id, campaign, content, available_at, expires_at)
       SELECT p.id, e, '{}', t, t FROM people p, (VALUES ('old', CAST(:old AS timestamptz)), ('new', :new + interval '1 year')) v(e, t)""",
    RUN,
    """INSERT INTO messages (run_id, person_id, event_ref, channel, category, variant, window_key, status, queued_at, expires_at)
       SELECT r.id, p.id, n, 'popup', 'reminder', 0, 'none@Asia/Jakarta', 'read', :old, :old
       FROM runs r, people p, generate_series(1, 2) n""",
    """INSERT INTO popups (message_id, person_id, priority, content, available_at, expires_at)
       SELECT id, person_id, 1, '{"title": "Halo"}', :old,
              CASE event_ref WHEN 1 THEN CAST(:old AS timestamptz) ELSE :new END FROM messages""",
)


async def test_each_thing_goes_in_its_own_time(house: House) -> None:
    await person(house.database, 1)
    await configure(house, files(campaign()))
    now = house.clock.now()
    old = now - timedelta(days=401)
    async with house.database.begin() as connection:
        for statement in OLD_AND_NEW:
            await connection.execute(text(statement), {"old": old, "new": now - timedelta(days=29), "due": old, "nth": 0})
    await housekeeping(house, now)
    for column, table in (("event_id", "interactions"), ("convert_from(body, 'UTF8')", "receipts"), ("campaign", "popup_tests")):
        assert [row[0] for row in await rows(house.database, f"SELECT {column} FROM {table}")] == ["new"]
    events = await rows(house.database, "SELECT event_id, data FROM events ORDER BY id")
    popups = await rows(house.database, "SELECT content FROM popups ORDER BY message_id")
    assert [row.content for row in popups] == [{}, {"title": "Halo"}]
    assert [tuple(row) for row in events] == [("old", {}), ("new", {"reason": "x"})]


async def test_an_event_that_was_set_aside_keeps_its_data_until_somebody_has_replayed_it(house: House) -> None:
    await person(house.database, 1)
    await configure(house, files(campaign()))
    now = house.clock.now()
    aside = """INSERT INTO events (event_id, name, person_id, data, received_at, planned_at, error)
        SELECT 'aside', 'kyc.updated', id, '{"reason": "x"}', :old, :old, 'hello: KeyError' FROM people"""
    async with house.database.begin() as connection:
        await connection.execute(text(aside), {"old": now - timedelta(days=91)})
    await housekeeping(house, now)
    assert [row.data for row in await rows(house.database, "SELECT data FROM events")] == [{"reason": "x"}]
    async with house.database.begin() as connection:
        await set_aside.retry(connection, "event")
        await connection.execute(text("UPDATE events SET planned_at = :old"), {"old": now - timedelta(days=91)})
    await housekeeping(house, now)
    assert [row.data for row in await rows(house.database, "SELECT data FROM events")] == [{}]


async def half_old(house: House) -> None:
    """Of each sort an old one and a young one."""
    await person(house.database, 1)
    await configure(house, files(campaign()))
    now = house.clock.now()
    async with house.database.begin() as connection:
        for statement in OLD_AND_NEW[:3]:
            await connection.execute(text(statement), {"old": now - timedelta(days=401), "new": now})


async def left(house: House) -> list[int]:
    """How many receipts, interactions, and events with data there are."""
    counted = """SELECT (SELECT count(*) FROM receipts), (SELECT count(*) FROM interactions),
                        (SELECT count(*) FROM events WHERE data <> '{}')"""
    return list((await rows(house.database, counted))[0])


async def test_a_step_that_fails_keeps_no_other_from_its_work_and_is_told(house: House) -> None:
    await half_old(house)
    now = house.clock.now()
    gone = await person(house.database, 2)
    await forget_customer(house, "C000002", by="dewi", reason="CRM-1182", now=now)
    late = "INSERT INTO interactions (event_id, person_id, kind, at, detail) VALUES ('late', :person, 'replied', :now, 'her name')"
    async with house.database.begin() as connection:
        await connection.execute(text(late), {"person": gone, "now": now})
        for statement in STUBBORN:
            await connection.execute(text(statement))
    with capture_logs() as log, pytest.raises(DBAPIError, match="stubborn"):
        await housekeeping(house, now)
    assert [line["step"] for line in log if line["event"] == "housekeeping.failed"] == ["receipts"]
    assert await left(house) == [2, 2, 1]
    assert await rows(house.database, "SELECT 1 FROM interactions WHERE detail = 'her name'") == []


STUBBORN = (
    "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stubborn'; END $$",
    "CREATE TRIGGER stubborn BEFORE DELETE ON receipts FOR EACH ROW EXECUTE FUNCTION stubborn()",
)


async def test_under_a_configuration_that_cannot_be_read_only_what_its_rules_may_count_stays(house: House) -> None:
    await half_old(house)
    now = house.clock.now()
    async with house.database.begin() as connection:
        await connection.execute(text(RUN), {"due": now - timedelta(days=500), "nth": 0})
        await connection.execute(text("UPDATE runs SET finished_at = due_at"))
        await connection.execute(text("""UPDATE versions SET files = '{"rules.yaml": "of another edition"}'"""))
    other_edition = replace(house, catalog=Catalog(house.channels))
    with capture_logs() as log, pytest.raises(ConfigError):
        await housekeeping(other_edition, now)
    assert [line["step"] for line in log if line["event"] == "housekeeping.failed"] == ["messages", "runs", "events", "versions"]
    assert await left(house) == [1, 1, 1]
    assert len(await rows(house.database, "SELECT 1 FROM runs")) == 1


OVER = """
INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status, finished_at)
SELECT 'c', d.day, v.id, 'h', 'reminder', 1, '{}', d.at, d.at, d.status, d.finished_at
FROM versions v, (VALUES ('long over', CAST(:old AS timestamptz), 'finished', CAST(:old AS timestamptz)),
                         ('skipped', :old, 'skipped', NULL),
                         ('open', :old, 'active', NULL), ('over', :new, 'finished', :new)) d(day, at, status, finished_at);
INSERT INTO messages (run_id, person_id, event_ref, channel, category, variant, window_key, status, queued_at, expires_at)
SELECT r.id, p.id, n, 'popup', 'reminder', 0, 'none@Asia/Jakarta', 'read', r.due_at, r.due_at
FROM runs r, people p, generate_series(1, :messages) n WHERE r.status <> 'skipped';
INSERT INTO attempts (message_id, at, outcome) SELECT id, queued_at, 'sent' FROM messages;
INSERT INTO popups (message_id, person_id, priority, content, available_at, expires_at)
SELECT id, person_id, 1, '{}', queued_at, queued_at FROM messages;
INSERT INTO interactions (event_id, message_id, person_id, kind, at) SELECT id, id, person_id, 'clicked', queued_at FROM messages"""


async def test_messages_go_with_all_that_hangs_on_them_batch_by_batch_and_then_their_run(house: House) -> None:
    """Of runs that are finished, and for so long; neither an old run that is still open, nor a young one."""
    each = 2 * BATCH + 1
    await person(house.database, 1)
    await configure(house, files(campaign()))
    now = house.clock.now()
    values = {"old": now - timedelta(days=401), "new": now - timedelta(days=399), "messages": each}
    async with house.database.begin() as connection:
        for statement in OVER.split(";"):
            await connection.execute(text(statement), values)
    await housekeeping(house, now)
    assert [row.occurrence for row in await rows(house.database, "SELECT occurrence FROM runs ORDER BY id")] == ["open", "over"]
    for table in ("messages", "attempts", "popups", "interactions"):
        [row] = await rows(house.database, f"SELECT count(*) AS n FROM {table}")
        assert row.n == 2 * each, table


async def test_an_event_goes_once_no_run_is_left_that_it_may_have_joined(house: House) -> None:
    await person(house.database, 1)
    await configure(house, files(campaign()))
    now = house.clock.now()
    event = """INSERT INTO events (event_id, name, person_id, received_at, planned_at)
        SELECT e, 'kyc.updated', p.id, t, t FROM people p,
               (VALUES ('first', CAST(:before AS timestamptz)), ('joined', :after), ('young', :young)) v(e, t)"""
    async with house.database.begin() as connection:
        due = now - timedelta(days=420)
        await connection.execute(text(RUN), {"due": due, "nth": 0})
        moments = {"before": due - timedelta(minutes=1), "after": due + timedelta(minutes=1), "young": now - timedelta(days=399)}
        await connection.execute(text(event), moments)
    await housekeeping(house, now)
    assert [row.event_id for row in await rows(house.database, "SELECT event_id FROM events ORDER BY id")] == ["joined", "young"]
    async with house.database.begin() as connection:
        await connection.execute(text("DELETE FROM runs"))
    await housekeeping(house, now)
    assert [row.event_id for row in await rows(house.database, "SELECT event_id FROM events")] == ["young"]


async def test_a_configuration_goes_when_no_run_is_left_that_it_may_have_decided_on(house: House) -> None:
    """A superseded one stays for the run planned with it, and for runs that began before it was superseded."""
    start = house.clock.now()
    async with house.database.begin() as connection:
        for number in range(4):
            await versions.publish(connection, digest=f"v{number}", files={}, now=start + timedelta(days=10 * number))
        await connection.execute(text(RUN), {"due": start + timedelta(days=15), "nth": 1})
        assert await upkeep.old_versions(connection, start + timedelta(days=9)) == 0
        assert await upkeep.old_versions(connection, start + timedelta(days=500)) == 1
        assert await upkeep.old_versions(connection, start + timedelta(days=500)) == 0
    assert [row.hash for row in await rows(house.database, "SELECT hash FROM versions ORDER BY id")] == ["v1", "v2", "v3"]


def test_messages_are_kept_as_long_as_a_rule_looks_back() -> None:
    published = Published(1, parse(files(campaign(), rules=BY_THE_MONTH), contents()), CHANNELS)
    with pytest.raises(
        ConfigError, match=r"KABAR_RETENTION__MESSAGES.*30d is too short: the cap push:1/month in rules.yaml .* 32d ago; write 33d"
    ):
        remembers(Retention(messages=timedelta(days=30)), published)
    remembers(Retention(messages=timedelta(days=33)), published)
    assert messages_kept(Retention(messages=timedelta(days=30)), published) == timedelta(days=33)
    assert messages_kept(Retention(), published) == timedelta(days=400)


async def test_rules_that_look_back_too_far_do_not_replace_the_last_good_ones(house: House, tmp_path: Path) -> None:
    forgetful = replace(house, settings=Settings(retention=Retention(messages=timedelta(days=30))))
    watch = Watch(tmp_path)
    write(tmp_path, files(campaign()))
    assert [await watch.look(forgetful) for _ in range(2)] == [False, True]  # once the files have come to rest
    write(tmp_path, files(campaign("other"), rules=BY_THE_MONTH))
    assert [await watch.look(forgetful) for _ in range(2)] == [False, False]
    [fault] = await rows(house.database, "SELECT value FROM facts WHERE name = 'config_fault'")
    assert "KABAR_RETENTION__MESSAGES" in fault.value[0]


def write(directory: Path, texts: Mapping[str, str]) -> None:
    for path, written in texts.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(written)
