"""The database: an external server by URL, or the embedded one; and the few ways the house talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from config.problems import ConfigError, Problem
from config.settings import Settings
from store.connection import Patient
from store.embedded import embedded_uri

CONNECT_SECONDS = 5
# Of a process that was stopped in the middle of a transaction (SIGSTOP, a frozen machine): its locks go after so long.
IDLE_IN_TRANSACTION_MS = 15_000
_PATIENCE = {
    "connect_timeout": str(CONNECT_SECONDS),
    "options": f"-cidle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}",
    # A peer that is gone without a word is noticed by the kernel: what was sent and is not acknowledged, what is quiet.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


@dataclass(frozen=True, slots=True)
class Database:
    """engine: SQLAlchemy's pool. conninfo: the same server for psycopg and procrastinate."""

    engine: AsyncEngine
    conninfo: str

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: commits at the end, rolls back on any exception."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[AsyncConnection]:
        """For one statement by itself, committed as it ends: no round trips for a transaction around it."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        await self.engine.dispose()


def database_uri(settings: Settings) -> str:
    """`postgresql://…` of the configured server, or of the embedded one, which is started. Raises ConfigError."""
    if settings.database_url is None:
        return embedded_uri(settings.var_dir / "postgres")
    try:
        url = make_url(settings.database_url.get_secret_value())
    except (ArgumentError, ValueError):  # the second for a port that is no number
        raise ConfigError([Problem("KABAR_DATABASE_URL", 0, 0, "is not a database URL; write postgresql://user@host/name")]) from None
    if url.get_backend_name() != "postgresql":
        message = f'"{url.get_backend_name()}" is not supported; Kabar runs on PostgreSQL: postgresql://user@host/name'
        raise ConfigError([Problem("KABAR_DATABASE_URL", 0, 0, message)])
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def open_database(uri: str, *, pool_size: int = 10, kind: type[Patient] = Patient, **options: Any) -> Database:
    """A pool on a `postgresql://` URI. Nothing is connected yet."""
    url = _patient(make_url(uri))
    # Without hide_parameters an error would quote the customers it was about.
    engine = create_async_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=10,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"async_creator_fn": kind.connect},
        **options,
    )
    return Database(engine, url.render_as_string(hide_password=False))


async def driver(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """The same connection, and transaction, as psycopg has it: for COPY."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    return raw


def _patient(url: URL) -> URL:
    """A server that swallows packets is given up on, and keeps no locks for whoever sleeps; what the URL itself says goes."""
    return url.update_query_dict({name: value for name, value in _PATIENCE.items() if name not in url.query})


async def reachable(database: Database) -> None:
    """Raises ConfigError with the server's own words when nobody answers."""
    try:
        async with database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:
        url = make_url(database.conninfo).difference_update_query(list(_PATIENCE))
        where = url.render_as_string(hide_password=True)
        message = f"cannot reach the database {where}: {server_words(error)}; is the server up, is the URL right?"
        raise ConfigError([Problem("KABAR_DATABASE_URL", 0, 0, message)]) from None


def server_words(error: BaseException) -> str:
    """What the server or driver said, in one line, without the statement it was about."""
    return str(getattr(error, "orig", None) or error).strip().split("\n")[0]
