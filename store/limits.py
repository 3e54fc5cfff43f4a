"""One row per provider account: pace, back-pressure, breaker and stops, shared by every worker.

Leases of its pace are in store/turns.py, the breaker's verdicts in store/breaker.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import TEXTS, rows, run, sql

_ENSURE = sql(
    """INSERT INTO limits (account, channel, rate, share, next_free_at) VALUES (:account, :channel, :rate, :share, :now)
       ON CONFLICT (account) DO UPDATE SET rate = excluded.rate, channel = excluded.channel, share = excluded.share
       WHERE (limits.rate, limits.channel, limits.share) IS DISTINCT FROM (excluded.rate, excluded.channel, excluded.share)"""
)
_FORGET = sql("DELETE FROM limits WHERE channel = ANY(:channels) AND NOT account = ANY(:known)", channels=TEXTS, known=TEXTS)
# One second more or less is no news: of many workers that hear the same, one says so.
_SLOW_DOWN = sql(
    """UPDATE limits SET open_until = :until, reason = :reason WHERE account = :account
       AND coalesce(open_until, '-infinity') < CAST(:until AS timestamptz) - interval '1 second'"""
)
# All of the channel are locked, so that of two that are stopped at once one knows that it is the last.
_STOP = sql(
    """WITH every AS MATERIALIZED (SELECT account, stopped_at FROM limits WHERE channel = :channel ORDER BY account FOR UPDATE)
       UPDATE limits l SET stopped_at = :now, reason = :reason FROM every e
       WHERE l.account = e.account AND e.account = :account AND e.stopped_at IS NULL
         AND (:last OR EXISTS (SELECT FROM every o WHERE o.account <> :account AND o.stopped_at IS NULL))"""
)
_OTHERS = sql("SELECT count(*) AS n FROM limits WHERE channel = :channel AND account <> :account AND stopped_at IS NULL")
_RESUME = sql(
    """UPDATE limits SET stopped_at = NULL, reason = NULL, open_until = NULL, breaker = 'closed', failures = 0, opened = 0,
              tried = 0, failed = 0
       WHERE stopped_at IS NOT NULL AND (CAST(:account AS text) IS NULL OR account = :account) RETURNING account"""
)
_ALL = sql(
    """SELECT account, channel, rate, share, next_free_at, open_until, failures, reason, breaker, latency, stopped_at
       FROM limits ORDER BY account"""
)
_HELD = sql(
    """SELECT account, CASE WHEN stopped_at IS NULL THEN open_until ELSE CAST(:now AS timestamptz) + interval '1 minute' END AS until
       FROM limits WHERE open_until > :now OR stopped_at IS NOT NULL"""
)


@dataclass(frozen=True, slots=True)
class Limit:
    """An account's row, as status shows it. latency: seconds until an answer, moving average."""

    account: str
    channel: str
    rate: float
    share: float
    next_free_at: datetime
    open_until: datetime | None
    failures: int
    reason: str | None
    breaker: str
    latency: float | None
    stopped_at: datetime | None

    def free_at(self, now: datetime) -> datetime | None:
        """When it may send; None while it is stopped, which only a person ends."""
        return None if self.stopped_at is not None else max(now, self.open_until or now)


async def ensure(connection: AsyncConnection, *, account: str, channel: str, rate: float, now: datetime, share: float = 1) -> None:
    await run(connection, _ENSURE, account=account, channel=channel, rate=rate, share=share, now=now)


async def forget(connection: AsyncConnection, channels: Collection[str], known: Collection[str]) -> int:
    """Rows of accounts of these channels that are not in the configuration any more."""
    return await run(connection, _FORGET, channels=sorted(channels), known=sorted(known))


async def slow_down(connection: AsyncConnection, account: str, after: timedelta, reason: str, now: datetime) -> bool:
    """Nobody sends on this account before now + after. False when that is known already."""
    return await run(connection, _SLOW_DOWN, account=account, until=now + after, reason=reason) > 0


async def stop(connection: AsyncConnection, account: str, channel: str, reason: str, now: datetime, *, last: bool = False) -> bool:
    """Nobody sends on this account until it is resumed. False when it is stopped already.

    last: even when no other account of the channel is left; otherwise False then, too.
    """
    return await run(connection, _STOP, account=account, channel=channel, reason=reason, now=now, last=last) > 0


async def others(connection: AsyncConnection, account: str, channel: str) -> int:
    """How many other accounts of the channel nobody stopped."""
    return int((await rows(connection, _OTHERS, account=account, channel=channel))[0].n)


async def resume(connection: AsyncConnection, account: str | None) -> list[str]:
    """Lift the stop of an account, or all of them; returns whose were lifted."""
    return [row.account for row in await rows(connection, _RESUME, account=account)]


async def every(connection: AsyncConnection) -> Sequence[Limit]:
    return [Limit(**row._asdict()) for row in await rows(connection, _ALL)]


async def held(connection: AsyncConnection, now: datetime) -> dict[str, datetime]:
    """Account → until when nobody may send on it; for one that is stopped, a minute from now."""
    return {row.account: row.until for row in await rows(connection, _HELD, now=now)}
