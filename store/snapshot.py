"""One moment of the database that several connections can see, so that copies made one after the other are of the same state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.engine import Database


@asynccontextmanager
async def exported(database: Database) -> AsyncIterator[str]:
    """The name of a snapshot that can be looked into as long as this lasts. Not longer than needed: nothing is vacuumed meanwhile."""
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin():
            yield str((await connection.execute(text("SELECT pg_export_snapshot()"))).scalar_one())


async def look_into(connection: AsyncConnection, snapshot: str) -> None:
    """This transaction, which has done nothing yet, sees what the snapshot does."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    await connection.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
