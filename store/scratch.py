"""A copy of what changes, in temporary tables of one connection: everything can be tried on it, nothing is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.engine import Database
from store.messages import CONTACTS, IN_DOUBT
from store.snapshot import look_into
from store.statements import run, sql

# Temporary tables come first on the search path, so that every statement of the house finds them under the usual names.
# People, their addresses, permissions and opt-outs are only read, and stay the real ones.
_COPIED = ("versions", "events", "runs", "messages")
_EMPTY = ("campaigns", "approvals", "pauses", "attempts", "popups", "receipts", "interactions", "limits", "ticks", "facts", "quotas")
_TAKEN = ("reached",)  # as it is, without numbers of its own
_FILL = {
    "versions": sql("INSERT INTO versions OVERRIDING SYSTEM VALUE SELECT * FROM public.versions"),
    "events": sql("INSERT INTO events OVERRIDING SYSTEM VALUE SELECT * FROM public.events WHERE planned_at IS NULL"),
    "runs": sql("INSERT INTO runs OVERRIDING SYSTEM VALUE SELECT * FROM public.runs"),
    "messages": sql(
        f"""INSERT INTO messages OVERRIDING SYSTEM VALUE SELECT * FROM public.messages
            WHERE status IN ('queued', 'deferred') OR (status = 'merged' AND settled_at IS NULL)
               OR (status IN {CONTACTS} AND released_at >= :since)
               OR ({IN_DOUBT.format(m="messages")} AND doubted_at >= :since)"""
    ),
}
# The default of 8 MB is a few thousand messages. It can only be set before the session's first temporary table.
_ROOM = text("DO $$ BEGIN PERFORM set_config('temp_buffers', '256MB', false); EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$")
# A pooled connection's prepared statements may have been read when the names still meant the real tables.
_FORGET = text("DISCARD PLANS")
_TIDY = text("VACUUM (ANALYZE) messages")
# A sample of 3,000 rows, not 30,000, tells enough to choose an index.
_COARSELY = text("SET default_statistics_target = 10")
# What no rule looks at any more only makes each look at the rest longer: it is put aside and comes back at the end.
_PUT_ASIDE = sql(
    """WITH done AS (DELETE FROM messages WHERE settled_at < :since AND coalesce(sent_at, settled_at) < :since
                        AND status NOT IN ('queued', 'deferred', 'released', 'sending')
                        AND NOT (escalates AND status IN ('sent', 'delivered', 'read', 'unknown')) RETURNING *)
        INSERT INTO messages_aside SELECT * FROM done"""
)
_BRING_BACK = text("INSERT INTO messages OVERRIDING SYSTEM VALUE SELECT * FROM messages_aside")


@dataclass(frozen=True, slots=True)
class Scratch(Database):
    """A database that is one connection, used by one task at a time."""

    connection: AsyncConnection

    @asynccontextmanager
    async def hasty(self) -> AsyncIterator[None]:
        """Every statement on its own for a while: nobody else reads this copy, and after a fault nobody does."""
        await self.connection.execution_options(isolation_level="AUTOCOMMIT")
        await self._plan_by("off")
        async with self.begin() as connection:
            await connection.execute(_COARSELY)
        yield
        await self._plan_by("on")
        async with self.begin() as connection:
            await connection.execute(_BRING_BACK)
            await connection.execute(_TIDY)
        await self.connection.execution_options(isolation_level="READ COMMITTED")

    async def _plan_by(self, scans: str) -> None:
        async with self.begin() as connection:
            for setting in ("enable_seqscan", "enable_bitmapscan"):
                await connection.execute(text(f"SET {setting} = {scans}"))

    async def tidy(self, since: datetime) -> None:
        """Put aside what was settled before an instant, clear away dead rows, count the living. Only while hasty.

        No autovacuum sees temporary tables.
        """
        async with self.begin() as connection:
            await run(connection, _PUT_ASIDE, since=since)
            await connection.execute(_TIDY)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        async with self.connection.begin():
            yield self.connection


@asynccontextmanager
async def scratch(database: Database, since: datetime, snapshot: str | None = None) -> AsyncIterator[Scratch]:
    """A scratch copy with the waiting messages and the contacts since an instant; gone at the end, whatever happens.

    snapshot: of store.snapshot, to copy what it sees; None = what is there now
    """
    async with database.engine.connect() as connection:
        async with connection.begin():
            if snapshot is not None:
                await look_into(connection, snapshot)
            await connection.execute(_ROOM)
            for table in (*_COPIED, *_EMPTY, *_TAKEN):
                await connection.execute(text(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING ALL)"))
            await connection.execute(text("CREATE TEMP TABLE messages_aside (LIKE public.messages)"))
            await connection.execute(text("CREATE TEMP SEQUENCE chunks"))
            await connection.execute(_FORGET)
            for table in _COPIED:
                await run(connection, _FILL[table], **({"since": since} if table == "messages" else {}))
                await connection.execute(text(f"SELECT setval(pg_get_serial_sequence('pg_temp.{table}', 'id'), max(id)) FROM {table}"))
            for table in _TAKEN:
                await connection.execute(text(f"INSERT INTO {table} SELECT * FROM public.{table}"))
            await connection.execute(text("ANALYZE messages"))
        try:
            yield Scratch(database.engine, database.conninfo, connection)
        finally:
            # A pooled connection would carry its temporary tables to the next user.
            await connection.invalidate()
