"""The audit log: one chain under many writers, appended to and nothing else, and whatever is done to it behind our back shows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jobs.house import House
from store import ledger, ticks
from store.chain import Chain, seal
from store.engine import Database
from store.schema import alembic_config, upgrade
from tests.world import at, rows

UNGUARDED = "ALTER TABLE audit_log DISABLE TRIGGER USER"


async def append(database: Database, actor: str, **detail: object) -> None:
    async with database.begin() as connection:
        await ticks.record(connection, actor=actor, action="pause", detail=detail, now=at("2026-11-20 19:00"))


async def faults(database: Database, head: str | None = None) -> list[str]:
    chain = Chain(head)
    found: list[str] = []
    async with database.begin() as connection:
        async for page in ledger.pages(connection):
            for entry in page:
                found += chain.follow(entry)
    return [*found, *chain.end()]


async def tamper(database: Database, *statements: str) -> None:
    """As a superuser who takes the guards away first."""
    async with database.begin() as connection:
        for statement in (UNGUARDED, *statements):
            await connection.execute(text(statement))


async def head(database: Database) -> str:
    async with database.begin() as connection:
        newest = await ledger.head(connection)
    assert newest is not None
    return newest.hash


async def test_many_writers_at_once_make_one_chain(database: Database) -> None:
    await asyncio.gather(*(append(database, f"operator {number}", number=number) for number in range(40)))
    found = await rows(database, "SELECT id, actor FROM audit_log ORDER BY id")
    assert [row.id for row in found] == list(range(1, 41))
    assert len({row.actor for row in found}) == 40
    assert await faults(database) == []


async def test_a_writer_that_rolls_back_leaves_no_gap(database: Database) -> None:
    await append(database, "sari")
    async with database.engine.connect() as connection, connection.begin() as transaction:
        await ticks.record(connection, actor="sari", action="pause", detail={}, now=at("2026-11-20 19:00"))
        await transaction.rollback()
    await append(database, "sari")
    assert [row.id for row in await rows(database, "SELECT id FROM audit_log")] == [1, 2]
    assert await faults(database) == []


async def test_what_was_written_is_verified_whatever_the_detail_holds(database: Database) -> None:
    await append(
        database, "séri", share=0.1, big=10**30, none=None, nested={"b": [1, {"ü": True}], "a": 1e300}, at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert await faults(database) == []


def test_the_hash_of_a_row_never_changes_between_versions() -> None:
    sealed = seal("0" * 64, 1, at("2026-11-20 19:00"), "sari", "pause", {"channel": "push", "campaign": None})
    assert sealed == "66b929525929155959de7a0ac4d3b2f1f302e28fa423da6ae15c4678247ad980"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log SELECT 9, at, actor, action, detail, prev_hash, hash FROM audit_log",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_the_database_refuses_anything_but_appending(database: Database, statement: str, role: str) -> None:
    await append(database, "sari")
    async with database.engine.connect() as connection:
        await connection.execute(text(f"SET session_replication_role = {role}"))
        with pytest.raises(DBAPIError, match=r"append-only|uq_audit_log_prev_hash"):
            await connection.execute(text(statement))
        await connection.invalidate()
    assert await faults(database) == []


PLANTS = {
    "changed": (
        "UPDATE audit_log SET actor = 'nobody' WHERE id = 3",
        "row 3 (pause by nobody, 2026-11-20T12:00:00.000000+00:00): is not what",
    ),
    "one removed": ("DELETE FROM audit_log WHERE id = 3", "row 3: missing between row 2 and row 4"),
    "several removed": ("DELETE FROM audit_log WHERE id IN (2, 3)", "rows 2 to 3: missing between row 1 and row 4"),
    "the first removed": (
        "DELETE FROM audit_log WHERE id = 1",
        "row 2 (pause by sari, 2026-11-20T12:00:00.000000+00:00): is not the first",
    ),
    "reordered": (
        "UPDATE audit_log SET id = CASE id WHEN 2 THEN 4 ELSE 2 END WHERE id IN (2, 4)",
        "row 2 (pause by sari, 2026-11-20T12:00:00.000000+00:00): is not what",
    ),
    "inserted": ("INSERT INTO audit_log SELECT 0, at, actor, action, detail, 'x', 'y' FROM audit_log WHERE id = 1", "row 0 (pause by sari"),
}


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_was_done_to_a_row_is_found_and_the_row_named(database: Database, plant: str) -> None:
    for number in range(5):
        await append(database, "sari", number=number)
    statement, words = PLANTS[plant]
    await tamper(database, "ALTER TABLE audit_log DROP CONSTRAINT pk_audit_log", statement)
    found = await faults(database)
    assert found[0].startswith(words)


async def test_a_row_changed_and_hashed_anew_no_longer_fits_the_next(database: Database) -> None:
    for number in range(3):
        await append(database, "sari", number=number)
    [second] = await rows(database, "SELECT * FROM audit_log WHERE id = 2")
    forged = seal(second.prev_hash, 2, second.at, "nobody", second.action, second.detail)
    await tamper(database, f"UPDATE audit_log SET actor = 'nobody', hash = '{forged}' WHERE id = 2")
    [fault] = await faults(database)
    assert "row 3" in fault
    assert "does not follow row 2" in fault


async def test_a_removed_end_is_found_by_a_head_that_was_written_down(database: Database) -> None:
    for number in range(3):
        await append(database, "sari", number=number)
    written = await head(database)
    assert await faults(database, written) == []
    await append(database, "sari")
    assert await faults(database, written) == []
    await tamper(database, "DELETE FROM audit_log WHERE id > 2")
    assert await faults(database) == []
    [fault] = await faults(database, written)
    assert written in fault


async def test_rows_from_before_are_chained_by_the_migration_and_go_back(house: House) -> None:
    database = house.database
    for number in range(3):
        await append(database, "sari", number=number)
    async with database.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "0012"))
        # A rolled back transaction of that time took a number away.
        await connection.execute(text("SELECT nextval(pg_get_serial_sequence('audit_log', 'id'))"))
        await connection.execute(text("INSERT INTO audit_log (at, actor, action, detail) VALUES (now(), 'old', 'resume', '{\"a\": 1.50}')"))
    assert await upgrade(database)
    assert [row.id for row in await rows(database, "SELECT id FROM audit_log ORDER BY id")] == [1, 2, 3, 5]
    await append(database, "sari")
    assert await faults(database) == []
