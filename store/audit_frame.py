"""What was really sent, set out for the audit: one row a message, beside the rules and the permissions of its moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import JSON, rows, run, sql

# A message leaves some seconds after the valve decided on it. What left later than this is judged by when it left.
GRACE = timedelta(minutes=5)
_GRACE = f"interval '{int(GRACE.total_seconds())} seconds'"

_OUT = """{m}.released_at IS NOT NULL AND ({m}.status IN ('released', 'sending', 'sent', 'delivered', 'read', 'unknown')
          OR {m}.doubted_at IS NOT NULL AND {m}.status IN ('queued', 'deferred', 'failed', 'expired', 'suppressed', 'cancelled'))"""
_COUNTED = _OUT.format(m="m")
_VERSIONS = sql(
    f"""SELECT coalesce(m.rules_id, :newest) AS id, min(m.released_at) AS first, max(greatest(m.released_at, m.sent_at)) AS last
        FROM messages m WHERE {_COUNTED} AND m.released_at >= :since GROUP BY 1 ORDER BY 1"""
)
# The planner's guess for a million rows through five small lists is poor; hashes and sorts get room to work in.
_ROOM = sql("SET LOCAL work_mem = '64MB'")
_FRAME = sql(
    f"""CREATE TEMP TABLE audit_sent ON COMMIT DROP AS
        WITH gone AS (
          SELECT m.id, m.run_id, m.person_id, m.event_ref, m.channel, m.category, m.topic, m.window_key, m.queued_at, m.queue_until,
                 m.expires_at, m.sent_at, m.released_at, m.rules_id, m.maybe_duplicate, m.follows_id, CAST(NULL AS bigint) AS carrier_id,
                 m.attempts > CASE WHEN m.status = 'released' THEN 0 ELSE 1 END AS tried,
                 CASE WHEN m.reason = 'confirmed_after_failure' THEN m.settled_at END AS denied_at
          FROM messages m WHERE {_COUNTED} AND m.released_at >= :since - :lookback
          UNION ALL
          SELECT m.id, m.run_id, m.person_id, m.event_ref, m.channel, m.category, m.topic, m.window_key, m.queued_at, m.queue_until,
                 m.expires_at, c.sent_at, c.released_at, c.rules_id, false, m.follows_id, c.id,
                 m.attempts > 0 OR c.attempts > CASE WHEN c.status = 'released' THEN 0 ELSE 1 END,
                 CASE WHEN c.reason = 'confirmed_after_failure' THEN c.settled_at END
          FROM messages c JOIN messages m ON m.carrier_id = c.id AND m.status = 'merged'
          WHERE {_OUT.format(m="c")} AND c.released_at >= :since - :lookback),
        sent AS (
          SELECT m.*, r.campaign, r.content_hash, r.version_id AS run_version, split_part(m.window_key, '@', 1) AS window_symbol,
                 m.released_at >= :since AS asked,
                 CASE WHEN m.sent_at > m.released_at + {_GRACE} THEN m.sent_at ELSE m.released_at END AS judged,
                 v.book, b.gap, b.same_topic, coalesce(CASE WHEN h.id IS NULL THEN p.timezone ELSE h.timezone END, b.zone) AS zone,
                 m.channel = ANY(b.personal) AS personal,
                 CASE WHEN h.id IS NULL THEN p.contact_hours ELSE h.contact_hours END AS contact_hours,
                 CASE WHEN h.id IS NULL THEN p.consents ELSE h.consents END -> m.channel AS consent,
                 coalesce(c.offer, true) AS offer, coalesce(c.approval, true) AS approval, coalesce(c.free_window, false) AS free_window,
                 coalesce(c.free_gap, false) AS free_gap, coalesce(c.free_topic, false) AS free_topic,
                 coalesce(c.free_caps, false) AS free_caps, c.digest
          FROM gone m
          JOIN runs r ON r.id = m.run_id
          JOIN people p ON p.id = m.person_id
          LEFT JOIN jsonb_to_recordset(:versions) AS v(id int, book int) ON v.id = coalesce(m.rules_id, :newest)
          LEFT JOIN jsonb_to_recordset(:books) AS b(book int, zone text, gap interval, same_topic interval, personal text[])
                    ON b.book = v.book
          LEFT JOIN jsonb_to_recordset(:categories) AS c(book int, category text, offer bool, approval bool, free_window bool,
                    free_gap bool, free_topic bool, free_caps bool, digest interval) ON c.book = v.book AND c.category = m.category
          LEFT JOIN LATERAL (SELECT w.id, w.timezone, w.contact_hours, w.consents FROM permissions w
                             WHERE w.person_id = m.person_id AND w.recorded_at <= m.released_at
                             ORDER BY w.recorded_at DESC, w.id DESC LIMIT 1) h ON true),
        placed AS (SELECT s.*, coalesce(s.sent_at, s.judged) AS at, s.judged AT TIME ZONE s.zone AS local FROM sent s)
        SELECT s.*, extract(epoch FROM s.local - date_trunc('day', s.local)) AS second,
               extract(isodow FROM s.local)::int - 1 + CASE WHEN d0.day IS NULL THEN 0 ELSE 7 END AS today,
               extract(isodow FROM s.local - interval '1 day')::int - 1 + CASE WHEN d1.day IS NULL THEN 0 ELSE 7 END AS yesterday
        FROM placed s
        LEFT JOIN jsonb_to_recordset(:holidays) AS d0(book int, day date) ON d0.book = s.book AND d0.day = s.local::date
        LEFT JOIN jsonb_to_recordset(:holidays) AS d1(book int, day date) ON d1.book = s.book AND d1.day = s.local::date - 1""",
    versions=JSON,
    books=JSON,
    categories=JSON,
    holidays=JSON,
)
_INDEX = sql("CREATE INDEX ON audit_sent (person_id, judged)")
_ANALYZE = sql("ANALYZE audit_sent")
# Few campaigns have a control group or a choice of channels (`then` stands beside `first`), and reading a version costs more than
# looking for the word.
_ORDERED = sql(
    """SELECT DISTINCT s.run_version, s.campaign FROM audit_sent s JOIN versions v ON v.id = s.run_version
       WHERE s.asked AND CAST(v.files AS text) ~ '(control|first)[^a-z_]{0,4}:'"""
)
_SIZE = sql("SELECT count(*) AS messages, count(DISTINCT person_id) AS people FROM audit_sent WHERE asked")


@dataclass(frozen=True, slots=True)
class Seen:
    """A version of the rules that messages were released under, and when the first and the last of them were."""

    version: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Book:
    """What versions with the same rules say, as plain data.

    personal:   channels on which offers fall under the law's hours
    categories: {category, offer, approval, free_window, free_gap, free_topic, free_caps, counts, digest} each; digest: how far
                apart its messages may be queued, as text PostgreSQL reads, or None
    caps:       {n, name, channel, category, most, calendar (day, week, month or None), seconds} each
    holidays:   ISO dates
    """

    versions: tuple[int, ...]
    zone: str
    gap: timedelta
    same_topic: timedelta
    personal: Sequence[str]
    categories: Sequence[Mapping[str, Any]]
    caps: Sequence[Mapping[str, Any]]
    holidays: Sequence[str]


async def seen(connection: AsyncConnection, since: datetime, newest: int) -> list[Seen]:
    """newest: the version to judge a message by that does not say which."""
    return [Seen(row.id, row.first, row.last) for row in await rows(connection, _VERSIONS, since=since, newest=newest)]


async def frame(connection: AsyncConnection, books: Sequence[Book], *, since: datetime, lookback: timedelta, newest: int) -> None:
    """Set out what was released since, and `lookback` before it for comparison, until the transaction ends."""
    await connection.execute(_ROOM)
    numbered = list(enumerate(books))
    await run(
        connection,
        _FRAME,
        since=since,
        lookback=lookback,
        newest=newest,
        versions=[{"id": version, "book": n} for n, book in numbered for version in book.versions],
        books=[_distances(n, book) for n, book in numbered],
        categories=[{"book": n, **category} for n, book in numbered for category in book.categories],
        holidays=[{"book": n, "day": day} for n, book in numbered for day in book.holidays],
    )
    await connection.execute(_INDEX)
    await connection.execute(_ANALYZE)


def _distances(n: int, book: Book) -> dict[str, Any]:
    lengths = {"gap": interval(book.gap), "same_topic": interval(book.same_topic)}
    return {"book": n, "zone": book.zone, "personal": list(book.personal), **lengths}


def interval(length: timedelta) -> str:
    """A length of time as PostgreSQL reads it."""
    return f"{length.total_seconds()} seconds"


async def ordered(connection: AsyncConnection) -> list[tuple[int, str]]:
    """(version, campaign) of runs to be judged that may have had a control group, or a choice of channels."""
    return [(row.run_version, row.campaign) for row in await rows(connection, _ORDERED)]


async def size(connection: AsyncConnection) -> tuple[int, int]:
    """(messages, people) that are judged."""
    found = (await rows(connection, _SIZE))[0]
    return found.messages, found.people
