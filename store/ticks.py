"""When each tick last succeeded, small facts of the instance, and the log of what operators did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.chain import FIRST, plain, seal
from store.statements import JSON, rows, run, sql

_OK = sql(
    """INSERT INTO ticks (name, last_ok_at) VALUES (:name, :now)
       ON CONFLICT (name) DO UPDATE SET last_ok_at = excluded.last_ok_at"""
)
_ERROR = sql(
    """INSERT INTO ticks (name, last_error_at, last_error) VALUES (:name, :now, :error)
       ON CONFLICT (name) DO UPDATE SET last_error_at = excluded.last_error_at, last_error = excluded.last_error"""
)
_AT_WORK = "at_work."  # and the tick's name: a fact
_TICKS = sql(
    f"""SELECT t.name, last_ok_at, last_error_at, last_error, f.at AS at_work_at
        FROM ticks t LEFT JOIN facts f ON f.name = '{_AT_WORK}' || t.name ORDER BY t.name"""
)
_SET = sql(
    """INSERT INTO facts (name, value, at) VALUES (:name, :value, :now)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at""",
    value=JSON,
)
_SET_ONCE = sql("INSERT INTO facts (name, value, at) VALUES (:name, :value, :now) ON CONFLICT (name) DO NOTHING", value=JSON)
_CLEAR = sql("DELETE FROM facts WHERE name = :name")
_GET = sql("SELECT value FROM facts WHERE name = :name")
# One writer at a time, so that each row follows the last one; the constraints refuse a second row behind the same one in any case.
_APPEND_ALONE = sql("SELECT pg_advisory_xact_lock(hashtext('kabar.audit_log'))")
_LAST = sql("SELECT id, hash FROM audit_log ORDER BY id DESC LIMIT 1")
_APPEND = sql(
    """INSERT INTO audit_log (id, at, actor, action, detail, prev_hash, hash)
       VALUES (:id, :at, :actor, :action, :detail, :prev_hash, :hash)""",
    detail=JSON,
)


@dataclass(frozen=True, slots=True)
class Tick:
    """at_work_at: when it was last seen in the middle of a round that took long."""

    name: str
    last_ok_at: datetime | None
    last_error_at: datetime | None
    last_error: str | None
    at_work_at: datetime | None


async def succeeded(connection: AsyncConnection, name: str, now: datetime) -> None:
    await run(connection, _OK, name=name, now=now)


async def failed(connection: AsyncConnection, name: str, error: str, now: datetime) -> None:
    await run(connection, _ERROR, name=name, error=error, now=now)


async def at_work(connection: AsyncConnection, name: str, now: datetime) -> None:
    """In the middle of a long round, within its limit."""
    await set_fact(connection, _AT_WORK + name, True, now)


async def every(connection: AsyncConnection) -> list[Tick]:
    return [Tick(**row._asdict()) for row in await rows(connection, _TICKS)]


async def set_fact(connection: AsyncConnection, name: str, value: Any, now: datetime) -> None:
    await run(connection, _SET, name=name, value=value, now=now)


async def set_fact_once(connection: AsyncConnection, name: str, value: Any, now: datetime) -> Any:
    """The value in force: the first one ever set."""
    await run(connection, _SET_ONCE, name=name, value=value, now=now)
    return await fact(connection, name)


async def clear_fact(connection: AsyncConnection, name: str) -> None:
    await run(connection, _CLEAR, name=name)


async def fact(connection: AsyncConnection, name: str) -> Any:
    """None when nobody set it."""
    found = await rows(connection, _GET, name=name)
    return found[0].value if found else None


async def record(connection: AsyncConnection, *, actor: str, action: str, detail: Mapping[str, Any], now: datetime) -> None:
    """Every operator action leaves a row, chained to the one before. No personal data in it but a customer_no.

    The last statement of its transaction: others wait for their row until it ends, so it must wait for nothing more itself.
    """
    await rows(connection, _APPEND_ALONE)
    last = await rows(connection, _LAST)
    number, prev_hash = (last[0].id + 1, last[0].hash) if last else (1, FIRST)
    words = plain(detail)
    sealed = seal(prev_hash, number, now, actor, action, words)
    await run(connection, _APPEND, id=number, at=now, actor=actor, action=action, detail=words, prev_hash=prev_hash, hash=sealed)
