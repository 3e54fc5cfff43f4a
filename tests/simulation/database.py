"""The real database, with a step before each statement and each commit: where others may come between, and where it may break."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import TextClause
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.engine import Database
from tests.simulation.conductor import PROCESS, Conductor

_CHANGE = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM) ([a-z_]+)")


class LostAnswer(Exception):
    """Of a commit: it was done, and nobody hears of it."""


def lost(statement: str = "") -> OperationalError:
    return OperationalError(statement, {}, psycopg.OperationalError("server closed the connection unexpectedly"))


def deadlock() -> OperationalError:
    return OperationalError("", {}, psycopg.errors.DeadlockDetected("deadlock detected"))


def serialization() -> OperationalError:
    return OperationalError("", {}, psycopg.errors.SerializationFailure("could not serialize access"))


class _Stepped(AsyncConnection):
    """Each statement is a step of the process that asks."""

    conductor: Conductor

    async def execute(self, statement: Any, *args: Any, **options: Any) -> Any:
        await self.conductor.step(said(statement))
        process = PROCESS.get() or ""
        self.conductor.flying[process] += 1
        try:
            return await super().execute(statement, *args, **options)
        finally:
            self.conductor.flying[process] -= 1

    async def execution_options(self, **options: Any) -> AsyncConnection:
        await super().execution_options(**options)
        return self


def said(statement: Any) -> str:
    """A statement in a few words."""
    return _words(statement.text) if isinstance(statement, TextClause) else type(statement).__name__


@lru_cache(maxsize=1000)
def _words(statement: str) -> str:
    words = " ".join(statement.split())
    changes = [f"{verb} {name}" for verb, name in _CHANGE.findall(words)]
    return "; ".join(dict.fromkeys(changes)) or words[:60]


@dataclass(frozen=True, slots=True)
class SteppedDatabase(Database):
    """Database of one process in a simulation."""

    conductor: Conductor

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        async with self._connection() as connection:
            transaction = await connection.begin()
            try:
                yield connection
                await self.conductor.step("commits")
            except LostAnswer as answer:
                await transaction.commit()
                self.conductor.parked = 0
                raise lost() from answer
            except BaseException:
                await transaction.rollback()
                self.conductor.parked = 0
                raise
            await transaction.commit()
            self.conductor.parked = 0

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[AsyncConnection]:
        async with self._connection() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")
            self.conductor.parked = 0

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as plain:
            connection = _Stepped(self.engine, plain.sync_connection)
            connection.conductor = self.conductor
            yield connection
