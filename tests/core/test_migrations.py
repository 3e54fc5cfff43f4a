"""The schema goes back and forth on a database that holds something."""

from __future__ import annotations

from alembic import command
from sqlalchemy import text

from store.engine import Database
from store.schema import alembic_config, upgrade
from tests.core.conftest import Stage
from tests.core.digests import three, world
from tests.world import configure, person, rows

UNDER_WAY = "UPDATE messages SET settled_at = NULL WHERE id = (SELECT max(id) FROM messages WHERE status = 'merged')"


async def test_back_to_before_digests_nothing_is_lost_and_nothing_goes_twice(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three()))
    await stage.until("2026-11-20 19:05")
    async with stage.house.database.begin() as connection:
        await connection.execute(text(UNDER_WAY))
        await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "0002"))
    found = await rows(stage.house.database, "SELECT status FROM messages ORDER BY id")
    assert [row.status for row in found] == ["sent", "suppressed", "queued"]
    assert await upgrade(stage.house.database)


OLD_WORDS = """INSERT INTO optouts (person_id, channel, at, evidence, withdrawn_at) SELECT id, c, '2026-11-01Z', e, w FROM people,
    (VALUES ('email', 'one-click', NULL), ('push', 'provider:131050', timestamptz '2026-11-02Z')) AS v(c, e, w)"""
OLD_DEAD = """UPDATE addresses SET dropped_at = '2026-11-03Z', drop_reason = '5.1.1',
    value = CASE sort WHEN 'email' THEN 'C1@Example.com' ELSE value END WHERE sort IN ('email', 'push')"""
LIST = """SELECT kind, channel, sort, value, source, code, to_char(at, 'DD'), to_char(lifted_at, 'DD'), lifted_by
    FROM suppressions ORDER BY kind, channel, sort"""


async def test_opt_outs_and_dead_addresses_become_the_suppression_list_and_back(database: Database) -> None:
    await person(database, 1)
    await _migrate(database, "0005", OLD_WORDS, OLD_DEAD)
    assert await upgrade(database)
    expected = [
        ("address", None, "email", "c1@example.com", "provider", "5.1.1", "03", None, None),
        ("address", None, "push", "token-1", "provider", "5.1.1", "03", None, None),
        ("opt_out", "email", None, None, "one-click", None, "01", None, None),
        ("opt_out", "push", None, None, "provider", "131050", "01", "02", "customer"),
    ]
    assert [tuple(row) for row in await rows(database, LIST)] == expected
    await _migrate(database, "0005")
    dropped = await rows(database, "SELECT sort, drop_reason FROM addresses WHERE dropped_at IS NOT NULL ORDER BY sort")
    assert [tuple(row) for row in dropped] == [("email", "5.1.1"), ("push", "5.1.1")]
    words = await rows(database, "SELECT channel, withdrawn_at IS NULL AS live FROM optouts ORDER BY channel")
    assert [tuple(row) for row in words] == [("email", True), ("push", False)]
    assert await upgrade(database)
    assert [tuple(row) for row in await rows(database, LIST)] == expected


CHOSEN_AND_OVERWRITTEN = """INSERT INTO permissions (person_id, recorded_at, source, contact_hours, consents)
    SELECT p.id, v.at, v.source, v.hours, '{}' FROM people p, (VALUES
      (1, timestamptz '2026-11-01Z', 'import', 'daily 06:00-11:00'), (1, '2026-11-02Z', 'preferences', 'Mon-Fri 06:00-11:00'),
      (1, '2026-11-03Z', 'import', NULL),
      (2, '2026-11-01Z', 'import', 'daily 06:00-11:00'), (2, '2026-11-02Z', 'preferences', 'daily 06:00-11:00'),
      (3, '2026-11-02Z', 'preferences', 'always')) AS v(n, at, source, hours) WHERE p.customer_no = 'C00000' || v.n"""


async def test_hours_that_a_person_chose_and_a_file_overwrote_are_put_back(database: Database) -> None:
    for number in (1, 2, 3):
        await person(database, number, contact_hours="always" if number == 3 else None)
    await _migrate(database, "0012", CHOSEN_AND_OVERWRITTEN)
    assert await upgrade(database)
    found = await rows(database, "SELECT contact_hours, to_char(hours_chosen_at, 'DD') FROM people ORDER BY customer_no")
    assert [tuple(row) for row in found] == [("Mon-Fri 06:00-11:00", "02"), (None, None), ("always", "02")]
    [back] = await rows(database, "SELECT contact_hours, source FROM permissions WHERE recorded_at > '2026-11-04Z'")
    assert tuple(back) == ("Mon-Fri 06:00-11:00", "preferences")


async def _migrate(database: Database, revision: str, *statements: str) -> None:
    async with database.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), revision))
        for statement in statements:
            await connection.execute(text(statement))
