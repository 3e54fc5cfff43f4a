"""One row per provider account: pace, back-pressure and breaker, shared by every worker.

The pace is a generic cell rate algorithm (ITU-T I.371): `next_free_at` is the theoretical arrival time of the next message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, run, sql

_ENSURE = sql(
    """INSERT INTO limits (account, channel, rate, next_free_at) VALUES (:account, :channel, :rate, :now)
       ON CONFLICT (account) DO UPDATE SET rate = excluded.rate, channel = excluded.channel"""
)
_TAKE = sql(
    """UPDATE limits SET next_free_at = greatest(next_free_at, CAST(:now AS timestamptz), coalesce(open_until, :now))
                                        + make_interval(secs => :n / rate)
       WHERE account = :account
       RETURNING next_free_at - make_interval(secs => :n / rate) AS start, rate, open_until"""
)
_SLOW_DOWN = sql(
    """UPDATE limits SET open_until = greatest(coalesce(open_until, :until), :until), reason = :reason WHERE account = :account"""
)
_SETTLED = sql(
    """UPDATE limits SET failures = CASE WHEN :ok > 0 THEN 0 ELSE failures + :bad END,
              reason = CASE WHEN :ok > 0 AND (open_until IS NULL OR open_until <= :now) THEN NULL ELSE reason END
       WHERE account = :account RETURNING failures"""
)
_ALL = sql("SELECT account, channel, rate, next_free_at, open_until, failures, reason FROM limits ORDER BY account")


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to send n messages from `start` on, 1/rate seconds apart."""

    start: datetime
    rate: float
    open_until: datetime | None


@dataclass(frozen=True, slots=True)
class Limit:
    """An account's row, as status shows it."""

    account: str
    channel: str
    rate: float
    next_free_at: datetime
    open_until: datetime | None
    failures: int
    reason: str | None


async def ensure(connection: AsyncConnection, *, account: str, channel: str, rate: float, now: datetime) -> None:
    await run(connection, _ENSURE, account=account, channel=channel, rate=rate, now=now)


async def take(connection: AsyncConnection, account: str, n: int, now: datetime) -> Grant:
    """Lease a block of n sends. The row lock makes blocks of all workers follow each other."""
    row: Any = (await rows(connection, _TAKE, account=account, n=float(n), now=now))[0]
    return Grant(row.start, row.rate, row.open_until)


async def slow_down(connection: AsyncConnection, account: str, after: timedelta, reason: str, now: datetime) -> None:
    """Nobody sends on this account before now + after."""
    await run(connection, _SLOW_DOWN, account=account, until=now + after, reason=reason)


async def settled(connection: AsyncConnection, account: str, *, ok: int, bad: int, now: datetime) -> int:
    """Count a batch's answers; returns the failures in a row."""
    found = await rows(connection, _SETTLED, account=account, ok=ok, bad=bad, now=now)
    return int(found[0].failures) if found else 0


async def every(connection: AsyncConnection) -> list[Limit]:
    return [Limit(**row._asdict()) for row in await rows(connection, _ALL)]
