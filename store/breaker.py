"""The circuit breaker in an account's row: answers counted, and the state they lead to. Who changed it knows, so one worker says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql

# Answers that come in while it is open are of before; only a probe closes it, and only while it is half open.
_SETTLED = sql(
    """WITH was AS MATERIALIZED (SELECT * FROM limits WHERE account = :account FOR UPDATE),
       counted AS (
         SELECT account, breaker, opened, CASE WHEN :ok > 0 THEN 0 ELSE failures + :bad END AS failures,
                tried * :fade + :ok + :bad AS tried, failed * :fade + :bad AS failed FROM was),
       judged AS (
         SELECT *, CASE WHEN breaker = 'half_open' AND :probe AND :ok > 0 THEN 'closed'
                        WHEN breaker = 'half_open' AND :probe AND :bad > 0 THEN 'open'
                        WHEN breaker = 'closed' AND :bad > 0 AND (failures >= :most OR (tried >= :enough AND failed >= :ratio * tried))
                        THEN 'open' ELSE breaker END AS becomes FROM counted)
       UPDATE limits l SET breaker = j.becomes,
              opened = CASE j.becomes WHEN 'closed' THEN 0 WHEN j.breaker THEN l.opened ELSE l.opened + 1 END,
              open_until = CASE WHEN j.becomes = 'open' AND j.breaker <> 'open' THEN greatest(l.open_until,
                                CAST(:now AS timestamptz) + make_interval(secs =>
                                  greatest(least(:pause * power(2, least(l.opened, 20)), :longest) - :waited, :shortest)))
                                ELSE l.open_until END,
              probe_until = CASE WHEN :probe THEN NULL ELSE l.probe_until END,
              failures = CASE WHEN j.becomes = j.breaker THEN j.failures WHEN j.becomes = 'open' THEN j.failures ELSE 0 END,
              tried = CASE WHEN j.becomes = j.breaker THEN j.tried ELSE 0 END,
              failed = CASE WHEN j.becomes = j.breaker THEN j.failed ELSE 0 END,
              latency = CASE WHEN CAST(:latency AS double precision) IS NULL THEN l.latency
                             ELSE coalesce(l.latency, :latency) * (1 - :weight) + :latency * :weight END,
              reason = CASE WHEN l.stopped_at IS NOT NULL THEN l.reason
                            WHEN j.becomes = 'open' AND j.breaker <> 'open' THEN :reason
                            WHEN :ok > 0 AND j.becomes = 'closed' AND coalesce(l.open_until, :now) <= :now THEN NULL ELSE l.reason END
       FROM judged j WHERE l.account = j.account
       RETURNING j.breaker AS before, l.breaker AS after, l.failures, l.open_until""",
)
FAILURES = 20  # in a row that open it
RATIO, ENOUGH = 0.5, 40.0  # or this part of the answers of late, once there are so many
FADE = 0.9  # what an answer still counts after another block
PAUSE, LONGEST = 5.0, 10.0  # seconds it stays open at first, and at most: sending goes on within 15 s after a provider is back
SHORTEST = 1.0  # seconds, when the answers were waited for so long that this was pause enough
WEIGHT = 0.2  # of a block's latency in the moving average


@dataclass(frozen=True, slots=True)
class Count:
    """A block's answers. ok, bad: how many; latency: their mean in seconds, None when there were none; reason: of the last bad one.

    waited: seconds since the last of the bad ones was begun: what was learnt by waiting is of then, and the pause counts from there
    """

    ok: int
    bad: int
    latency: float | None
    reason: str
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """What became of it. before and after: `closed`, `open`, `half_open`."""

    before: str
    after: str
    failures: int
    open_until: datetime | None


async def settled(connection: AsyncConnection, account: str, count: Count, *, probe: bool, now: datetime) -> Breaker | None:
    """Count a block's answers; None when the account is gone. probe: the lease said so."""
    found: Any = await rows(
        connection,
        _SETTLED,
        account=account,
        ok=count.ok,
        bad=count.bad,
        latency=count.latency,
        reason=count.reason,
        probe=probe,
        now=now,
        most=FAILURES,
        enough=ENOUGH,
        ratio=RATIO,
        fade=FADE,
        pause=PAUSE,
        longest=LONGEST,
        shortest=SHORTEST,
        waited=count.waited,
        weight=WEIGHT,
    )
    return Breaker(*found[0]) if found else None
