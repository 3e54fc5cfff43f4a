"""Receiving domains that asked for less mail: until when nothing goes to them, and how often in a row they have said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Double

from store.statements import TEXTS, rows, run, sql

LONGEST = timedelta(hours=1)
QUIET = timedelta(minutes=30)  # takes one strike back
# Answers to what was under way when the pause began say nothing new: only one that comes after it is another strike.
_STRIKES = """CASE WHEN s.until > :now THEN s.strikes
                   ELSE greatest(s.strikes - floor(extract(epoch FROM :now - s.until) / :quiet), 0)::int + 1 END"""
_STRIKE = sql(
    f"""INSERT INTO slow_domains AS s (channel, domain, until, strikes, reason)
        SELECT :channel, v.domain, CAST(:now AS timestamptz) + make_interval(secs => v.seconds), 1, v.reason
        FROM unnest(:domains, :seconds, :reasons) AS v(domain, seconds, reason) ORDER BY v.domain
        ON CONFLICT (channel, domain) DO UPDATE SET strikes = {_STRIKES}, reason = excluded.reason, until = greatest(s.until,
          :now + least((excluded.until - :now) * CASE WHEN s.until > :now THEN 1 ELSE 2 ^ least({_STRIKES} - 1, 20) END, :longest))
        RETURNING domain, until, strikes, reason""",
    domains=TEXTS,
    seconds=ARRAY(Double),
    reasons=TEXTS,
)
_SLOW = sql("SELECT domain, until, strikes, reason FROM slow_domains WHERE channel = :channel AND until > :since")
_ALL = sql(
    """SELECT channel, domain, until, strikes, reason FROM slow_domains WHERE until > :now
       ORDER BY strikes DESC, until DESC, channel, domain LIMIT :limit"""
)
_FORGET = sql("DELETE FROM slow_domains WHERE until < :before")


@dataclass(frozen=True, slots=True)
class Strike:
    """A domain asked for a pause of so many seconds; reason: the reply's code."""

    domain: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class SlowDomain:
    """Nothing goes to it before `until`."""

    domain: str
    until: datetime
    strikes: int
    reason: str


async def strike(connection: AsyncConnection, channel: str, strikes: Sequence[Strike], now: datetime) -> list[SlowDomain]:
    """One a domain. The pause doubles with every strike in a row, up to an hour; half an hour of quiet takes one strike back."""
    if not strikes:
        return []
    found = await rows(
        connection,
        _STRIKE,
        channel=channel,
        domains=[item.domain for item in strikes],
        seconds=[item.seconds for item in strikes],
        reasons=[item.reason for item in strikes],
        now=now,
        quiet=QUIET.total_seconds(),
        longest=LONGEST,
    )
    return [SlowDomain(**row._asdict()) for row in found]


async def slow(connection: AsyncConnection, channel: str, since: datetime) -> dict[str, SlowDomain]:
    """By domain, those whose pause lasts or ended after `since`."""
    return {row.domain: SlowDomain(**row._asdict()) for row in await rows(connection, _SLOW, channel=channel, since=since)}


async def every(connection: AsyncConnection, now: datetime, limit: int) -> list[tuple[str, SlowDomain]]:
    """(channel, domain) of those that are paused now, the most stubborn first."""
    found = await rows(connection, _ALL, now=now, limit=limit)
    return [(row.channel, SlowDomain(row.domain, row.until, row.strikes, row.reason)) for row in found]


async def forget(connection: AsyncConnection, before: datetime) -> int:
    return await run(connection, _FORGET, before=before)
