"""What was really sent, set out for the audit: one row a message, beside the rules and the permissions of its moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import INTS, JSON, TEXTS, rows, run, sql

# A message leaves some seconds after the valve decided on it. What left later than this is judged by when it left.
GRACE = timedelta(minutes=5)
_GRACE = f"interval '{int(GRACE.total_seconds())} seconds'"

_COUNTED = "m.released_at IS NOT NULL AND m.status IN ('released', 'sending', 'sent', 'delivered', 'read', 'unknown')"
_VERSIONS = sql(
    f"""SELECT coalesce(m.rules_id, :newest) AS id, min(m.released_at) AS first, max(greatest(m.released_at, m.sent_at)) AS last
        FROM messages m WHERE {_COUNTED} AND m.released_at >= :since GROUP BY 1 ORDER BY 1"""
)
# The planner's guess for a million rows through five small lists is poor; hashes and sorts get room to work in.
_ROOM = sql("SET LOCAL work_mem = '64MB'")
_FRAME = sql(
    f"""CREATE TEMP TABLE audit_sent ON COMMIT DROP AS
        WITH sent AS (
          SELECT m.id, m.run_id, m.person_id, m.channel, m.category, m.topic, m.expires_at, m.sent_at, m.released_at, m.maybe_duplicate,
                 r.campaign, r.content_hash, split_part(m.window_key, '@', 1) AS window_symbol, m.released_at >= :since AS asked,
                 CASE WHEN m.sent_at > m.released_at + {_GRACE} THEN m.sent_at ELSE m.released_at END AS judged,
                 v.book, b.gap, b.same_topic, coalesce(CASE WHEN h.id IS NULL THEN p.timezone ELSE h.timezone END, b.zone) AS zone,
                 CASE WHEN h.id IS NULL THEN p.contact_hours ELSE h.contact_hours END AS contact_hours,
                 CASE WHEN h.id IS NULL THEN p.consents ELSE h.consents END -> m.channel AS consent,
                 coalesce(c.offer, true) AS offer, coalesce(c.approval, true) AS approval, coalesce(c.free_window, false) AS free_window,
                 coalesce(c.free_gap, false) AS free_gap, coalesce(c.free_topic, false) AS free_topic,
                 coalesce(c.free_caps, false) AS free_caps
          FROM messages m
          JOIN runs r ON r.id = m.run_id
          JOIN people p ON p.id = m.person_id
          LEFT JOIN jsonb_to_recordset(:versions) AS v(id int, book int) ON v.id = coalesce(m.rules_id, :newest)
          LEFT JOIN jsonb_to_recordset(:books) AS b(book int, zone text, gap interval, same_topic interval) ON b.book = v.book
          LEFT JOIN jsonb_to_recordset(:categories) AS c(book int, category text, offer bool, approval bool, free_window bool,
                    free_gap bool, free_topic bool, free_caps bool) ON c.book = v.book AND c.category = m.category
          LEFT JOIN LATERAL (SELECT w.id, w.timezone, w.contact_hours, w.consents FROM permissions w
                             WHERE w.person_id = m.person_id AND w.recorded_at <= m.released_at
                             ORDER BY w.recorded_at DESC, w.id DESC LIMIT 1) h ON true
          WHERE {_COUNTED} AND m.released_at >= :since - :lookback),
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
_HOURS = sql("CREATE TEMP TABLE audit_hours (key text, day int, first int, last int) ON COMMIT DROP")
_FILL_HOURS = sql(
    "INSERT INTO audit_hours SELECT * FROM unnest(:keys, :days, :firsts, :lasts)", keys=TEXTS, days=INTS, firsts=INTS, lasts=INTS
)
_INDEX_HOURS = sql("CREATE INDEX ON audit_hours (key, day)")
_ANALYZE_HOURS = sql("ANALYZE audit_hours")
_TEXTS = sql(
    """SELECT DISTINCT contact_hours AS hours FROM audit_sent WHERE contact_hours IS NOT NULL
       UNION SELECT DISTINCT consent ->> 'hours' FROM audit_sent WHERE offer AND consent ->> 'hours' IS NOT NULL"""
)
_WINDOWS = sql("SELECT DISTINCT book, window_symbol FROM audit_sent WHERE asked AND NOT free_window")
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

    categories: {category, offer, approval, free_window, free_gap, free_topic, free_caps} each
    caps:       {n, name, channel, category, most, calendar (day, week, month or None), seconds} each
    holidays:   ISO dates
    """

    versions: tuple[int, ...]
    zone: str
    gap: timedelta
    same_topic: timedelta
    categories: Sequence[Mapping[str, Any]]
    caps: Sequence[Mapping[str, Any]]
    holidays: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours of one key on one kind of day. day: 0 Monday … 6 Sunday, 7 … 13 the same as a holiday. Seconds after its midnight."""

    key: str
    day: int
    first: int
    last: int


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
        books=[{"book": n, "zone": book.zone, "gap": _seconds(book.gap), "same_topic": _seconds(book.same_topic)} for n, book in numbered],
        categories=[{"book": n, **category} for n, book in numbered for category in book.categories],
        holidays=[{"book": n, "day": day} for n, book in numbered for day in book.holidays],
    )
    await connection.execute(_INDEX)
    await connection.execute(_ANALYZE)


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds()} seconds"


async def windows(connection: AsyncConnection) -> list[tuple[int, str]]:
    """(book, window key without its zone) of what is to be judged."""
    return [(row.book, row.window_symbol) for row in await rows(connection, _WINDOWS)]


async def personal_hours(connection: AsyncConnection) -> list[str]:
    """Every spelling of contact hours and consented hours."""
    return [row.hours for row in await rows(connection, _TEXTS)]


async def put_hours(connection: AsyncConnection, stretches: Iterable[Stretch]) -> None:
    """Keys: `<book>/<window key>`, `<book>/lawful`, `text:<hours as written>`. A key without a stretch is never open."""
    found = list(stretches)
    await connection.execute(_HOURS)
    await run(
        connection,
        _FILL_HOURS,
        keys=[each.key for each in found],
        days=[each.day for each in found],
        firsts=[each.first for each in found],
        lasts=[each.last for each in found],
    )
    await connection.execute(_INDEX_HOURS)
    await connection.execute(_ANALYZE_HOURS)


async def size(connection: AsyncConnection) -> tuple[int, int]:
    """(messages, people) that are judged."""
    found = (await rows(connection, _SIZE))[0]
    return found.messages, found.people
