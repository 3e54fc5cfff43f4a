"""The checks of the audit: each one statement over what store/audit_frame.py has set out, written apart from the valve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audit_frame import GRACE, Book
from store.statements import JSON, TEXTS, rows, sql

_GRACE = f"interval '{int(GRACE.total_seconds())} seconds'"


class Kind(StrEnum):
    """What a message can be at fault in."""

    WINDOW = "outside_window"
    CONTACT_HOURS = "outside_contact_hours"
    TOPIC = "same_topic"
    GAP = "gap"
    CAP = "cap"
    CONSENT = "no_consent"
    OPTED_OUT = "opted_out"
    UNLAWFUL_HOURS = "no_hours_consent"
    NOT_APPROVED = "not_approved"
    LATE = "sent_late"
    TWICE = "sent_twice"


@dataclass(frozen=True, slots=True)
class Breach:
    """One message at fault. at: when it was released, or sent when that was much later.

    word:  what it broke: a window, hours, a topic, a cap
    other: id of the message it stood against
    """

    kind: Kind
    message_id: int
    customer_no: str
    campaign: str
    channel: str
    at: datetime
    zone: str
    word: str | None
    other: int | None
    other_at: datetime | None


def _closed(key: str) -> str:
    """No stretch of the key holds the message's local time, counted from its own midnight or from the one before."""
    return f"""NOT EXISTS (SELECT FROM audit_hours h WHERE h.key = {key}
                 AND (h.day = s.today AND s.second >= h.first AND s.second < h.last
                   OR h.day = s.yesterday AND s.second + 86400 >= h.first AND s.second + 86400 < h.last))"""


# When an earlier contact took place, as far as it could be known when the later one was decided on.
_KNOWN_AT = "CASE WHEN a.at <= s.judged THEN a.at ELSE a.judged END"


def _too_close(distance: str, free: str, also: str = "true") -> str:
    # Of two released at the same instant the one that is free of the rule may well have been the second.
    return f"""SELECT DISTINCT ON (s.id) s.id, s.topic AS word, a.id AS other, {_KNOWN_AT} AS other_at
               FROM audit_sent s JOIN audit_sent a ON a.person_id = s.person_id AND a.run_id <> s.run_id AND {also}
                AND a.judged > s.judged - s.{distance} - {_GRACE} AND a.judged <= s.judged
                AND (a.judged, a.{free}, a.id) < (s.judged, s.{free}, s.id) AND {_KNOWN_AT} > s.judged - s.{distance}
               WHERE s.asked AND NOT s.{free} ORDER BY s.id, a.judged DESC, a.id DESC"""


# The cheap half is a window function: without `most` earlier contacts in the period there is nothing to count run by run.
_CAPS = f"""
WITH caps AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(:caps) AS c(book int, n int, name text, channel text, category text, most int, calendar text,
                                               seconds double precision)),
counted AS (
  SELECT s.*, c.name, c.most, c.channel AS cap_channel, c.category AS cap_category,
         c.book = s.book AND s.asked AND NOT s.free_caps AS judge,
         CASE WHEN c.calendar IS NULL THEN s.judged - make_interval(secs => c.seconds) + interval '1 microsecond'
              ELSE date_trunc(c.calendar, s.judged, s.zone) END AS since,
         lag(s.judged, c.most) OVER (PARTITION BY c.book, c.n, s.person_id ORDER BY s.judged, s.free_caps, s.id) AS earlier
  FROM audit_sent s JOIN caps c ON coalesce(c.channel, s.channel) = s.channel AND coalesce(c.category, s.category) = s.category)
SELECT DISTINCT ON (s.id) s.id, s.name AS word, CAST(NULL AS bigint) AS other, CAST(NULL AS timestamptz) AS other_at
FROM counted s
CROSS JOIN LATERAL (
  SELECT coalesce(sum(busiest), 0) AS contacts FROM (
    SELECT max(n) AS busiest FROM (
      SELECT a.run_id, a.channel, count(*) AS n FROM audit_sent a
      WHERE a.person_id = s.person_id AND a.judged >= s.since - {_GRACE} AND a.judged <= s.judged
        AND (a.judged, a.free_caps, a.id) < (s.judged, s.free_caps, s.id) AND {_KNOWN_AT} >= s.since
        AND coalesce(s.cap_channel, a.channel) = a.channel AND coalesce(s.cap_category, a.category) = a.category
        AND (a.run_id <> s.run_id OR a.channel = s.channel)
      GROUP BY a.run_id, a.channel) each GROUP BY run_id) runs) before
WHERE s.judge AND s.earlier >= s.since - {_GRACE} AND before.contacts >= s.most
ORDER BY s.id"""

_NOTHING = "CAST(NULL AS bigint) AS other, CAST(NULL AS timestamptz) AS other_at FROM audit_sent s WHERE s.asked"

_CHECKS: dict[Kind, str] = {
    Kind.WINDOW: f"""SELECT s.id, s.window_symbol AS word, {_NOTHING} AND NOT s.free_window
                     AND {_closed("s.book || '/' || s.window_symbol")}""",
    Kind.CONTACT_HOURS: f"""SELECT s.id, s.contact_hours AS word, {_NOTHING} AND NOT s.free_window AND s.contact_hours IS NOT NULL
                            AND {_closed("'text:' || s.contact_hours")}""",
    Kind.TOPIC: _too_close("same_topic", "free_topic", "a.topic = s.topic"),
    Kind.GAP: _too_close("gap", "free_gap"),
    Kind.CAP: _CAPS,
    Kind.CONSENT: f"""SELECT s.id, s.category AS word, {_NOTHING} AND s.offer
                      AND (s.consent -> 'marketing') IS DISTINCT FROM CAST('true' AS jsonb)""",
    Kind.OPTED_OUT: f"""SELECT s.id, s.category AS word, {_NOTHING} AND s.offer
                        AND EXISTS (SELECT FROM optouts o WHERE o.person_id = s.person_id AND o.channel = s.channel
                                    AND o.at < s.released_at AND (o.withdrawn_at IS NULL OR o.withdrawn_at > s.released_at))""",
    Kind.UNLAWFUL_HOURS: f"""SELECT s.id, coalesce(s.consent ->> 'hours', 'none') AS word, {_NOTHING} AND s.offer
                             AND s.channel = ANY(:personal) AND {_closed("s.book || '/lawful'")}
                             AND (s.consent ->> 'hours' IS NULL OR {_closed("'text:' || (s.consent ->> 'hours')")})""",
    Kind.NOT_APPROVED: f"""SELECT s.id, s.category AS word, {_NOTHING} AND s.approval
                           AND NOT EXISTS (SELECT FROM approvals p WHERE p.campaign = s.campaign AND p.content_hash = s.content_hash
                                           AND p.approved_at <= s.released_at)""",
    # A claim just before the expiry still waits for its turn and for its provider's answer.
    Kind.LATE: """SELECT s.id, CAST(NULL AS text) AS word, CAST(NULL AS bigint) AS other, s.expires_at AS other_at
                  FROM audit_sent s WHERE s.asked
                   AND (s.released_at >= s.expires_at OR s.sent_at >= s.expires_at + interval '60 seconds')""",
    # What a receipt called failed may be sent again on an operator's word.
    Kind.TWICE: """SELECT DISTINCT ON (s.id) s.id, t.n || ' times' AS word, CAST(NULL AS bigint) AS other, t.last AS other_at
                   FROM (SELECT message_id, count(*) AS n, max(at) AS last FROM attempts WHERE outcome = 'sent'
                         GROUP BY message_id, address_id HAVING count(*) > 1) t
                   JOIN audit_sent s ON s.id = t.message_id
                   WHERE s.asked AND NOT s.maybe_duplicate AND s.channel <> ALL(:repeat_is_safe)
                    AND t.n > 1 + (SELECT count(*) FROM interactions i WHERE i.message_id = s.id AND i.kind = 'failed')
                   ORDER BY s.id, t.n DESC""",
}
_PARAMETERS = {"caps": JSON, "personal": TEXTS, "repeat_is_safe": TEXTS}


def _statement(check: str) -> TextClause:
    return sql(
        f"""WITH found AS MATERIALIZED ({check})
            SELECT s.id, p.customer_no, s.campaign, s.channel, s.judged AS at, s.zone, f.word, f.other, f.other_at,
                   count(*) OVER () AS total
            FROM found f JOIN audit_sent s ON s.id = f.id JOIN people p ON p.id = s.person_id
            ORDER BY s.judged, s.id LIMIT :most""",
        **{name: kind for name, kind in _PARAMETERS.items() if f":{name}" in check},
    )


_STATEMENTS = {kind: _statement(check) for kind, check in _CHECKS.items()}


async def find(
    connection: AsyncConnection, kind: Kind, *, most: int, books: Sequence[Book], personal: Sequence[str], repeat_is_safe: Sequence[str]
) -> tuple[int, list[Breach]]:
    """How many messages are at fault, and the first `most` of them, oldest first. Needs the frame and its hours."""
    caps = [{"book": n, **cap} for n, book in enumerate(books) for cap in book.caps]
    given = {"caps": caps, "personal": list(personal), "repeat_is_safe": list(repeat_is_safe)}
    asked = {name: value for name, value in given.items() if f":{name}" in _CHECKS[kind]}
    found = await rows(connection, _STATEMENTS[kind], most=most, **asked)
    breaches = [
        Breach(kind, row.id, row.customer_no, row.campaign, row.channel, row.at, row.zone, row.word, row.other, row.other_at)
        for row in found
    ]
    return (found[0].total if found else 0), breaches
