"""Dead letters back into the reservoir, once each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store import rekey
from store.statements import TEXTS, rows, sql
from store.suppressed import refused, usable

# It was tried, so its patience with the rules is over and done with.
# Judged by what is true now, not by the code it failed with: an address that came with a new customer file can work.
_FAILED = f"""SELECT m.id, m.run_id, m.trail @> '[{{"is": "replayed"}}]' AS before, m.expires_at <= :now AS late,
       {refused("m.person_id", "m.channel")}
       OR (s.sort <> '' AND NOT EXISTS (SELECT FROM addresses a WHERE a.person_id = m.person_id AND a.sort = s.sort
                                                                AND {usable("a")})) AS hopeless,
       EXISTS (SELECT FROM messages n WHERE n.follows_id = m.id
               AND n.status NOT IN ('failed', 'suppressed', 'expired', 'cancelled')) AS followed
FROM messages m JOIN runs r ON r.id = m.run_id LEFT JOIN unnest(:channels, :sorts) AS s(channel, sort) ON s.channel = m.channel
WHERE m.status = 'failed' AND (CAST(:campaign AS text) IS NULL OR r.campaign = :campaign)"""
_REPLAY = sql(
    f"""WITH failed AS MATERIALIZED ({_FAILED} FOR UPDATE OF m),
       replayed AS (
         UPDATE messages m SET status = 'queued', reason = 'replayed', attempts = 0, chunk_id = NULL, released_at = NULL, sent_at = NULL,
                settled_at = NULL, next_attempt_at = NULL, queue_until = NULL,
                trail = m.trail || jsonb_build_array(jsonb_build_object(
                  'at', CAST(:now AS timestamptz), 'is', 'replayed', 'why', m.reason, 'by', CAST(:by AS text)))
         FROM failed f WHERE m.id = f.id AND m.status = 'failed' AND NOT (f.before OR f.late OR f.hopeless OR f.followed)
         RETURNING m.id, m.run_id),
       reopened AS (
         UPDATE runs SET status = 'active', finished_at = NULL
         WHERE id IN (SELECT run_id FROM replayed) AND status = 'finished' RETURNING id)
       SELECT (SELECT count(*) FROM replayed) AS replayed, count(*) FILTER (WHERE before) AS before,
              count(*) FILTER (WHERE late AND NOT before) AS late, count(*) FILTER (WHERE hopeless AND NOT late AND NOT before) AS hopeless,
              count(*) FILTER (WHERE followed AND NOT hopeless AND NOT late AND NOT before) AS followed
       FROM failed""",
    channels=TEXTS,
    sorts=TEXTS,
)
_CAMPAIGNS = sql("SELECT DISTINCT campaign FROM runs")


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many dead letters went back, and why the others did not.

    before:   replayed once and failed again: once is all there is
    late:     expired by now
    hopeless: the person has no live address for the channel, or opted out of it
    followed: the person gets it, or got it, by the channel of `then`
    """

    replayed: int
    before: int
    late: int
    hopeless: int
    followed: int


async def replay_failed(
    connection: AsyncConnection, *, campaign: str | None, sorts: Mapping[str, str | None], by: str, now: datetime
) -> Replayed:
    """sorts: channel → the sort of address it needs, None for none. Runs that were finished are active again."""
    channels, needed = list(sorts), [sort or "" for sort in sorts.values()]
    found = await rows(connection, _REPLAY, campaign=campaign, channels=channels, sorts=needed, by=by, now=now)
    replayed = Replayed(**found[0]._asdict())
    if replayed.replayed:
        await rekey.ask(connection, now)
    return replayed


async def campaigns(connection: AsyncConnection) -> list[str]:
    """Every campaign that ever ran."""
    return [row.campaign for row in await rows(connection, _CAMPAIGNS)]
