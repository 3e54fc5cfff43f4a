"""Dead letters back into the reservoir, once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store import rekey
from store.statements import LONGS, TEXTS, rows, sql
from store.suppressed import refused, usable

# What a message was given up over, without how: `tries_used_up:UNAVAILABLE` and `UNAVAILABLE` are one cause.
CAUSE = "regexp_replace(coalesce(m.reason, ''), '^(tries_used_up|too_late_to_retry|in_doubt):', '')"
# Judged by what is true now, not by the code it failed with: an address that came with a new customer file can work.
FATE = f"""CASE WHEN m.trail @> '[{{"is": "replayed"}}]' THEN 'before' WHEN m.expires_at <= :now THEN 'late'
            WHEN {refused("m.person_id", "m.channel")}
              OR (s.sort <> '' AND NOT EXISTS (SELECT FROM addresses a WHERE a.person_id = m.person_id AND a.sort = s.sort
                                                                       AND {usable("a")})) THEN 'hopeless'
            WHEN EXISTS (SELECT FROM messages n WHERE n.follows_id = m.id
                         AND n.status NOT IN ('failed', 'suppressed', 'expired', 'cancelled')) THEN 'followed' ELSE 'replayed' END"""
LETTERS = """messages m JOIN runs r ON r.id = m.run_id LEFT JOIN unnest(:channels, :sorts) AS s(channel, sort) ON s.channel = m.channel"""
CHOSEN = f"""(CAST(:campaign AS text) IS NULL OR r.campaign = :campaign)
  AND (CAST(:channel AS text) IS NULL OR m.channel = :channel)
  AND (CAST(:cause AS text) IS NULL OR m.reason = :cause OR {CAUSE} = :cause)
  AND (CAST(:since AS timestamptz) IS NULL OR m.settled_at >= :since)
  AND (CAST(:ids AS bigint[]) IS NULL OR m.id IN (SELECT unnest(CAST(:ids AS bigint[]))))"""
# One whose earlier attempt may have gone out is about to become unknown.
_FAILED = f"SELECT m.id, m.run_id, {FATE} AS fate FROM {LETTERS} WHERE m.status = 'failed' AND m.doubted_at IS NULL AND {CHOSEN}"
_COUNT = sql(f"SELECT fate, count(*) AS n FROM ({_FAILED}) f GROUP BY 1", channels=TEXTS, sorts=TEXTS, ids=LONGS)
# It was tried, so its patience with the rules is over and done with.
_REPLAY = sql(
    f"""WITH failed AS MATERIALIZED ({_FAILED} FOR UPDATE OF m),
       replayed AS (
         UPDATE messages m SET status = 'queued', reason = 'replayed', attempts = 0, chunk_id = NULL, released_at = NULL, sent_at = NULL,
                settled_at = NULL, next_attempt_at = NULL, queue_until = NULL,
                trail = m.trail || jsonb_build_array(jsonb_build_object(
                  'at', CAST(:now AS timestamptz), 'is', 'replayed', 'why', m.reason, 'by', CAST(:by AS text)))
         FROM failed f WHERE m.id = f.id AND m.status = 'failed' AND f.fate = 'replayed'
         RETURNING m.id, m.run_id),
       reopened AS (
         UPDATE runs SET status = 'active', finished_at = NULL
         WHERE id IN (SELECT run_id FROM replayed) AND status = 'finished' RETURNING id)
       SELECT fate, count(*) AS n FROM failed GROUP BY 1""",
    channels=TEXTS,
    sorts=TEXTS,
    ids=LONGS,
)
_STATES = sql("SELECT v.id, m.status FROM unnest(:ids) AS v(id) LEFT JOIN messages m ON m.id = v.id", ids=LONGS)
_CAMPAIGNS = sql("SELECT DISTINCT campaign FROM runs")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which dead letters; every one that is given narrows it. cause: a whole reason, or the code in it."""

    campaign: str | None = None
    channel: str | None = None
    cause: str | None = None
    since: datetime | None = None
    ids: Sequence[int] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many dead letters went back, and why the others did not.

    before:   replayed once and failed again: once is all there is
    late:     expired by now
    hopeless: the person has no live address for the channel, or opted out of it
    followed: the person gets it, or got it, by the channel of `then`
    """

    replayed: int = 0
    before: int = 0
    late: int = 0
    hopeless: int = 0
    followed: int = 0


def choice(chosen: Chosen, sorts: Mapping[str, str | None], now: datetime) -> dict[str, object]:
    """The parameters of LETTERS, CHOSEN and FATE. sorts: channel → the sort of address it needs, None for none."""
    ids = None if chosen.ids is None else list(chosen.ids)
    asked = {"campaign": chosen.campaign, "channel": chosen.channel, "cause": chosen.cause, "since": chosen.since, "ids": ids}
    return asked | {"channels": list(sorts), "sorts": [sort or "" for sort in sorts.values()], "now": now}


async def replay_failed(
    connection: AsyncConnection, chosen: Chosen, *, sorts: Mapping[str, str | None], by: str, now: datetime
) -> Replayed:
    """Runs that were finished are active again."""
    found = await rows(connection, _REPLAY, **choice(chosen, sorts, now), by=by)
    replayed = Replayed(**{row.fate: row.n for row in found})
    if replayed.replayed:
        await rekey.ask(connection, now)
    return replayed


async def would_replay(connection: AsyncConnection, chosen: Chosen, *, sorts: Mapping[str, str | None], now: datetime) -> Replayed:
    """The same, and nothing happens."""
    return Replayed(**{row.fate: row.n for row in await rows(connection, _COUNT, **choice(chosen, sorts, now))})


async def states(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, str | None]:
    """The state of each message, None where there is none."""
    return {row.id: row.status for row in await rows(connection, _STATES, ids=list(ids))}


async def campaigns(connection: AsyncConnection) -> list[str]:
    """Every campaign that ever ran."""
    return [row.campaign for row in await rows(connection, _CAMPAIGNS)]
