"""Brings a database to the newest schema; any number of processes may try at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.engine import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def ours(thing: object, name: str | None, kind: str, reflected: bool, compared: object) -> bool:
    """Alembic's include_object: procrastinate's tables are its own; a migration of ours only calls in its schema."""
    return not (name or "").startswith("procrastinate")


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def upgrade(database: Database) -> bool:
    """True when there was something to do."""
    async with database.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('kabar.schema'))"))
        if not await connection.run_sync(_behind):
            return False
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "head"))
        return True


async def behind(connection: AsyncConnection) -> bool:
    """Does the database lack a migration this code needs?"""
    return await connection.run_sync(_behind)


def _behind(connection: Connection) -> bool:
    head = ScriptDirectory.from_config(alembic_config(connection)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() != head
