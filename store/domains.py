"""Receiving domains that asked for less mail: until when nothing goes to them, and how often in a row they have said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Double

from store.statements import INTS, TEXTS, rows, run, sql

LONGEST = timedelta(hours=1)
QUIET = timedelta(minutes=30)  # takes one strike back
# Answers to what was under way when the pause began say nothing new: only one that comes after it is another strike, and
# none where other mail to the domain was taken along with it (excluded.strikes is 0 then).
_STRIKES = """CASE WHEN s.until > :now THEN s.strikes
                   ELSE greatest(s.strikes - floor(extract(epoch FROM :now - s.until) / :quiet), 0)::int + excluded.strikes END"""
_STRIKE = sql(
    f"""INSERT INTO slow_domains AS s (channel, domain, until, strikes, reason)
        SELECT :channel, v.domain, CAST(:now AS timestamptz) + make_interval(secs => v.seconds), v.another, v.reason
        FROM unnest(:domains, :seconds, :another, :reasons) AS v(domain, seconds, another, reason) ORDER BY v.domain
        ON CONFLICT (channel, domain) DO UPDATE SET strikes = {_STRIKES}, reason = excluded.reason, until = greatest(s.until,
          :now + least((excluded.until - :now) * CASE WHEN s.until > :now THEN 1
                                                      ELSE 2 ^ greatest(least({_STRIKES}, 20) - 1, 0) END, :longest))
        RETURNING domain, until, strikes, reason""",
    domains=TEXTS,
    seconds=ARRAY(Double),
    another=INTS,
    reasons=TEXTS,
)
# Never waits for a row another worker holds: that one says something newer, and two could wait for each other.
_FORGIVE = sql(
    """UPDATE slow_domains s SET strikes = s.strikes - 1
       FROM (SELECT domain FROM slow_domains WHERE channel = :channel AND domain = ANY(:domains) AND strikes > 0 AND until <= :now
             FOR UPDATE SKIP LOCKED) f
       WHERE s.channel = :channel AND s.domain = f.domain""",
    domains=TEXTS,
)
_SLOW = sql("SELECT domain, until, strikes, reason FROM slow_domains WHERE channel = :channel AND until > :since")
_ALL = sql(
    """SELECT channel, domain, until, strikes, reason FROM slow_domains WHERE until > :now
       ORDER BY strikes DESC, until DESC, channel, domain LIMIT :limit"""
)
_FORGET = sql("DELETE FROM slow_domains WHERE until < :before")


@dataclass(frozen=True, slots=True)
class Strike:
    """A domain asked for a pause of so many seconds; reason: the reply's code. another: it took nothing at the same time."""

    domain: str
    seconds: float
    reason: str
    another: bool = True


@dataclass(frozen=True, slots=True)
class SlowDomain:
    """Nothing goes to it before `until`."""

    domain: str
    until: datetime
    strikes: int
    reason: str


async def strike(connection: AsyncConnection, channel: str, strikes: Sequence[Strike], now: datetime) -> list[SlowDomain]:
    """One a domain. The pause doubles with every strike in a row, up to an hour; half an hour of quiet takes one back, and so does mail
    that is taken (forgive)."""
    if not strikes:
        return []
    found = await rows(
        connection,
        _STRIKE,
        channel=channel,
        domains=[item.domain for item in strikes],
        seconds=[item.seconds for item in strikes],
        another=[int(item.another) for item in strikes],
        reasons=[item.reason for item in strikes],
        now=now,
        quiet=QUIET.total_seconds(),
        longest=LONGEST,
    )
    return [SlowDomain(**row._asdict()) for row in found]


async def forgive(connection: AsyncConnection, channel: str, took: Sequence[str], now: datetime) -> None:
    """These took mail: one strike less each, where there was one and the pause is over."""
    if took:
        await run(connection, _FORGIVE, channel=channel, domains=list(took), now=now)


async def slow(connection: AsyncConnection, channel: str, since: datetime) -> dict[str, SlowDomain]:
    """By domain, those whose pause lasts or ended after `since`."""
    return {row.domain: SlowDomain(**row._asdict()) for row in await rows(connection, _SLOW, channel=channel, since=since)}


async def every(connection: AsyncConnection, now: datetime, limit: int) -> list[tuple[str, SlowDomain]]:
    """(channel, domain) of those that are paused now, the most stubborn first."""
    found = await rows(connection, _ALL, now=now, limit=limit)
    return [(row.channel, SlowDomain(row.domain, row.until, row.strikes, row.reason)) for row in found]


async def forget(connection: AsyncConnection, before: datetime) -> int:
    return await run(connection, _FORGET, before=before)
