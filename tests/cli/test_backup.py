"""kabar db dump and restore: a file of one moment, and an instance of it that sends nothing until somebody has looked."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from config.settings import Settings
from jobs import recognise
from scheduler.bootstrap import open_house
from tests.cli.conftest import Desk, audited, customer, message, run_of
from tests.cli.publishing import publish_config


@pytest.fixture
def elsewhere(desk: Desk, server: str) -> Iterator[Desk]:
    """The same desk with an empty database of its own."""
    name = f"{make_url(desk.env['KABAR_DATABASE_URL']).database}_restored"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = make_url(desk.env["KABAR_DATABASE_URL"]).set(database=name).render_as_string(hide_password=False)
    yield Desk(desk.env | {"KABAR_DATABASE_URL": url}, desk.directory)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def dumped(desk: Desk) -> Path:
    file = desk.directory / "kabar.dump"
    result = desk.kabar("db", "dump", str(file))
    assert result.exit_code == 0, result.output
    return file


def starts(desk: Desk, hours: float = 24) -> bool:
    """A process comes up on the database. Whether it found nothing to stop for."""

    async def main() -> bool:
        settings = Settings(database_url=SecretStr(desk.env["KABAR_DATABASE_URL"]), stale_hours=hours)
        async with open_house(settings) as house:
            return await recognise.recognise(house, house.clock.now())

    return asyncio.run(main())


def stops(desk: Desk) -> list[str]:
    return [row["reason"] for row in desk.sql("SELECT reason FROM pauses WHERE campaign IS NULL AND channel IS NULL")]


def test_a_restored_instance_is_stopped_and_what_was_about_to_leave_lapses(desk: Desk, elsewhere: Desk) -> None:
    publish_config(desk)
    run, person = run_of(desk), customer(desk)
    message(desk, run, person, status="released", released_at="2026-11-20T12:00:00Z", chunk_id=1)
    message(desk, run, person, status="queued", channel="email")
    desk.sql("INSERT INTO ticks (name, last_ok_at) VALUES ('valve', now())")
    file = dumped(desk)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert audited(desk) == [("sari", "dump")]
    result = elsewhere.kabar("db", "restore", str(file), "--by", "dewi")
    assert result.exit_code == 0, result.output
    assert "restored from a dump of 20" in result.stdout
    assert [reason.startswith("restored from a dump of 20") for reason in stops(elsewhere)] == [True]
    assert elsewhere.sql("SELECT status, lease_until <= now() AS over FROM messages ORDER BY id")[0] == {"status": "sending", "over": True}
    assert audited(elsewhere) == [("sari", "dump"), ("dewi", "restore")]
    assert starts(elsewhere), "a restore is no surprise afterwards"
    told = elsewhere.kabar("status").stdout
    assert "everything is stopped: restored from a dump of" in told
    assert "1 messages queued" in told
    assert elsewhere.kabar("resume", "--all").exit_code == 0
    assert stops(elsewhere) == []
    assert "everything is stopped" not in elsewhere.kabar("status").stdout
    assert starts(elsewhere)
    assert stops(desk) == [], "the original goes on"


def test_a_copy_made_without_kabar_is_noticed_once(desk: Desk, server: str) -> None:
    assert starts(desk)
    message(desk, run_of(desk), customer(desk), status="released", released_at="2026-11-20T12:00:00Z", chunk_id=1)
    original = make_url(desk.env["KABAR_DATABASE_URL"]).database
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [original])
        connection.execute(f"CREATE DATABASE {original}_copy TEMPLATE {original}")
    url = make_url(desk.env["KABAR_DATABASE_URL"]).set(database=f"{original}_copy").render_as_string(hide_password=False)
    copy = Desk(desk.env | {"KABAR_DATABASE_URL": url}, desk.directory)
    try:
        assert not starts(copy)
        assert ["another database than before" in reason for reason in stops(copy)] == [True]
        assert copy.sql("SELECT status FROM messages") == [{"status": "sending"}]
        assert starts(copy)
        copy.kabar("resume", "--all")
        assert starts(copy)
        assert starts(desk)
        assert (stops(copy), stops(desk)) == ([], [])
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {original}_copy WITH (FORCE)")


def test_a_database_that_decided_nothing_for_days_is_stopped_until_somebody_looks(desk: Desk) -> None:
    assert starts(desk)
    desk.sql("INSERT INTO ticks (name, last_ok_at) VALUES ('valve', now() - interval '5 days'), ('plan', now())")
    desk.sql("UPDATE facts SET at = now() - interval '5 days' WHERE name = 'identity'")
    assert starts(desk, hours=24 * 6)
    assert not starts(desk)
    assert ["nothing was decided since" in reason for reason in stops(desk)] == [True]
    assert ("kabar", "pause") in audited(desk)
    desk.kabar("resume", "--all")
    assert starts(desk)


def test_nothing_is_restored_over_data_or_from_half_a_file(desk: Desk, elsewhere: Desk) -> None:
    file = dumped(desk)
    refused = desk.kabar("db", "restore", str(file))
    assert refused.exit_code == 1
    assert "this database is not empty" in refused.stderr
    half = desk.directory / "half.dump"
    half.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    broken = elsewhere.kabar("db", "restore", str(half))
    assert broken.exit_code == 1
    assert "half.dump" in broken.stderr
    assert elsewhere.sql("SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'public'") == [{"n": 0}]
    assert "no such file" in elsewhere.kabar("db", "restore", "nowhere.dump").stderr


def test_a_database_in_use_is_not_restored_into(desk: Desk, elsewhere: Desk) -> None:
    file = dumped(desk)
    with psycopg.connect(elsewhere.env["KABAR_DATABASE_URL"]):
        result = elsewhere.kabar("db", "restore", str(file))
    assert result.exit_code == 1
    assert "1 other sessions work on this database" in result.stderr


def test_a_file_that_is_there_is_kept_and_a_failed_dump_leaves_nothing(desk: Desk) -> None:
    file = desk.directory / "kabar.dump"
    file.write_text("mine")
    refused = desk.kabar("db", "dump", str(file))
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert file.read_text() == "mine"
    assert desk.kabar("db", "dump", str(file), "--force").exit_code == 0
    assert file.read_bytes()[:5] == b"PGDMP"
    tools = desk.directory / "tools"
    tools.mkdir()
    text = '[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99.1" || { echo half > "${4#--file=}"; exit 1; }'
    for each in ("pg_dump", "pg_restore", "psql"):
        (tools / each).write_text(f"#!/bin/sh\n{text}\n")
        (tools / each).chmod(0o755)
    broken = desk.kabar("db", "dump", str(desk.directory / "new.dump"), KABAR_PG_TOOLS=str(tools))
    assert broken.exit_code == 1
    assert "pg_dump failed" in broken.stderr
    assert sorted(path.name for path in desk.directory.glob("*dump*")) == ["kabar.dump"]
    assert not list(desk.directory.glob(".*.part"))


def test_tools_that_are_missing_or_older_than_the_server_are_told_with_the_way_out(desk: Desk) -> None:
    missing = desk.kabar("db", "dump", str(desk.directory / "x.dump"), KABAR_PG_TOOLS=str(desk.directory))
    assert missing.exit_code == 1
    assert "KABAR_PG_TOOLS" in missing.stderr
    for name in ("pg_dump", "pg_restore", "psql"):
        (desk.directory / name).write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 12.3"\n')
        (desk.directory / name).chmod(0o755)
    old = desk.kabar("db", "dump", str(desk.directory / "x.dump"), KABAR_PG_TOOLS=str(desk.directory))
    assert "which is newer than the tools (12 in" in old.stderr
    assert not list(desk.directory.glob("*.dump"))


def test_what_may_have_gone_is_doubted_only_after_a_restore_and_once_everything_is_planned(desk: Desk, elsewhere: Desk) -> None:
    letter = message(desk, run_of(desk), customer(desk))
    assert "not stopped because of a restore" in desk.kabar("db", "doubt", "--all").stderr
    assert elsewhere.kabar("db", "restore", str(dumped(desk))).exit_code == 0
    early = elsewhere.kabar("db", "doubt", "--all")
    assert (early.exit_code, "start `kabar scheduler` first" in early.stderr) == (1, True)
    elsewhere.sql("INSERT INTO ticks (name, last_ok_at) VALUES ('plan', now() + interval '1 second')")
    assert "1 messages would be in doubt" in elsewhere.kabar("db", "doubt", "--campaign", "hello", "--dry-run").stdout
    assert "1 messages are in doubt" in elsewhere.kabar("db", "doubt", "--campaign", "hello", "--by", "dewi").stdout
    assert elsewhere.sql("SELECT id, status, reason FROM messages") == [{"id": letter, "status": "unknown", "reason": "restored"}]
    assert ("dewi", "doubt") in audited(elsewhere)
    publish_config(elsewhere)
    assert "says dewi: not sent (again)" in elsewhere.kabar("why", "C000001").stdout
    assert elsewhere.kabar("resolve", str(letter), "--as", "failed").exit_code == 0
