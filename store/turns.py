"""Leases of the accounts' pace: which account of a channel a block of messages goes by, and from when on.

The pace is a generic cell rate algorithm (ITU-T I.371): `next_free_at` is the theoretical arrival time of the next message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import TEXTS, rows, sql

# What may be used again, and by how much less than its share: an account that was held comes back over RECOVERY, one that
# answers more than twice as late as the quickest of its peers gets as much less as it is later.
# What is booked further ahead than any lease books was booked before the clock was set back, and binds nobody.
# `again` is the moment from which on the account may be asked for a lease. `at_once`: one important message goes before all that
# is leased already. That is above the rate until the leases after it make room, and so it is bounded: AT_ONCE of the rate.
_TAKE = sql(
    """WITH mine AS MATERIALIZED (
         SELECT * FROM limits WHERE account = ANY(:accounts) AND stopped_at IS NULL ORDER BY account FOR UPDATE),
       seen AS (
         SELECT *, breaker <> 'closed' AS probe,
                greatest(CASE WHEN next_free_at <= CAST(:now AS timestamptz) + make_interval(secs => :longest + 100 / rate)
                               THEN next_free_at END, CAST(:now AS timestamptz), open_until) AS start,
                :urgent AND breaker = 'closed' AND rate * :at_once >= :least AND next_free_at > :now
                AND coalesce(greatest(urgent_free_at, open_until), :now) <= :now AS at_once,
                greatest(least(coalesce(extract(epoch FROM CAST(:now AS timestamptz) - open_until) / :recovery, 1), 1), 0.1)
                * greatest(least(2 * greatest(min(latency) OVER (), 0.05) / nullif(latency, 0), 1), 0.05) * share AS weight,
                used * exp(-greatest(least(extract(epoch FROM CAST(:now AS timestamptz) - used_at) / :memory, 500), 0)) AS lately
         FROM mine),
       asked AS (
         SELECT *, CASE WHEN breaker = 'half_open' AND probe_until > :now
                        THEN least(probe_until, CAST(:now AS timestamptz) + make_interval(secs => :patience))
                        ELSE greatest(open_until, start - make_interval(secs => :ahead)) END AS again
         FROM seen),
       chosen AS (
         SELECT *, CASE WHEN probe OR at_once THEN :least ELSE greatest(:least, least(:n, ceil(rate * :span))) END AS n
         FROM asked WHERE again <= :now
         ORDER BY CASE WHEN NOT probe THEN 1 WHEN :shy THEN 2 ELSE 0 END, coalesce(lately, 0) / weight, account LIMIT 1),
       taken AS (
         UPDATE limits l SET next_free_at = c.start + make_interval(secs => c.n / c.rate), used = coalesce(c.lately, 0) + c.n,
                used_at = :now, breaker = CASE WHEN c.probe THEN 'half_open' ELSE l.breaker END,
                probe_until = CASE WHEN c.probe THEN CAST(:now AS timestamptz) + make_interval(secs => :trial) END,
                urgent_free_at = CASE WHEN c.at_once THEN CAST(:now AS timestamptz) + make_interval(secs => c.n / (c.rate * :at_once))
                                      ELSE l.urgent_free_at END
         FROM chosen c WHERE l.account = c.account
         RETURNING l.account, CASE WHEN c.at_once THEN :now ELSE c.start END AS start, c.rate, c.n, c.probe, c.breaker = 'open' AS turned)
       SELECT account, start, rate, n, probe, turned FROM taken
       UNION ALL SELECT NULL, min(again), NULL, NULL, NULL, NULL FROM asked WHERE NOT EXISTS (SELECT FROM taken)""",
    accounts=TEXTS,
)
RECOVERY = 120.0  # seconds until an account that was held has its whole share again
MEMORY = 10.0  # seconds in which what an account was given is forgotten
LONGEST = 60.0  # seconds, and a hundred messages of a slow account: further ahead nothing is ever leased
PATIENCE = 0.5  # seconds until those that wait for another's probe ask again
SPAN = 0.25  # seconds of an account's rate one lease may take
AT_ONCE = 0.02  # of the rate, for important messages that do not wait for what is leased before them
TRIAL = 90.0  # seconds a probe may take before another one is sent; longer than any deadline of a send


@dataclass(frozen=True, slots=True)
class Lease:
    """Leave to send n times by an account from `start` on, 1/rate seconds apart.

    probe: the account's breaker was open, and this decides whether it closes. turned: it was this lease that half opened it
    """

    account: str
    start: datetime
    rate: float
    n: int
    probe: bool
    turned: bool


async def take(
    connection: AsyncConnection, accounts: Sequence[str], *, least: int, n: int, ahead: timedelta, urgent: bool, shy: bool, now: datetime
) -> Lease | datetime | None:
    """A lease of up to n sends, and of not fewer than `least`, by one of the accounts; the row locks make leases follow each other.

    ahead: how far from now it may begin. urgent: before what is leased already, if one may.
    shy: rather not as the trial of an account that failed.
    When no account has room so soon: the moment to ask again, None = all are stopped.
    """
    row: Any = (
        await rows(
            connection,
            _TAKE,
            accounts=list(accounts),
            least=float(least),
            n=float(n),
            ahead=ahead.total_seconds(),
            urgent=urgent,
            shy=shy,
            at_once=AT_ONCE,
            now=now,
            recovery=RECOVERY,
            memory=MEMORY,
            patience=PATIENCE,
            longest=LONGEST,
            span=SPAN,
            trial=TRIAL,
        )
    )[0]
    if row.account is None:
        found: datetime | None = row.start
        return found
    return Lease(row.account, row.start, row.rate, int(row.n), row.probe, row.turned)
