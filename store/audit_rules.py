"""The audit's checks of rules.yaml: hours, distances, caps, consent, approval. Written apart from the valve.

Each is one SELECT of (id, word, other, other_at) over what store/audit_frame.py has set out. What went inside another message is
judged for everything but gap and caps: it was no contact of its own.
"""

from __future__ import annotations

from store.audit_frame import GRACE
from store.breaches import Kind

_GRACE = f"interval '{int(GRACE.total_seconds())} seconds'"


def _closed(key: str) -> str:
    """No stretch of the key holds the message's local time, counted from its own midnight or from the one before."""
    return f"""NOT EXISTS (SELECT FROM audit_hours h WHERE h.key = {key}
                 AND (h.day = s.today AND s.second >= h.first AND s.second < h.last
                   OR h.day = s.yesterday AND s.second + 86400 >= h.first AND s.second + 86400 < h.last))"""


# When an earlier contact took place, as far as it could be known when the later one was decided on; none, after its provider had
# said that it failed, and before that said the opposite.
_KNOWN_AT = "CASE WHEN a.denied_at <= s.judged THEN NULL WHEN a.at <= s.judged THEN a.at ELSE a.judged END"


def _too_close(distance: str, free: str, also: str) -> str:
    # Of two released at the same instant the one that is free of the rule may well have been the second.
    return f"""SELECT DISTINCT ON (s.id) s.id, s.topic AS word, a.id AS other, {_KNOWN_AT} AS other_at
               FROM audit_sent s JOIN audit_sent a ON a.person_id = s.person_id AND a.run_id <> s.run_id
                AND {also}
                AND a.judged > s.judged - s.{distance} - {_GRACE} AND a.judged <= s.judged
                AND (a.judged, a.{free}, a.id) < (s.judged, s.{free}, s.id) AND {_KNOWN_AT} > s.judged - s.{distance}
               WHERE s.asked AND NOT s.{free} ORDER BY s.id, a.judged DESC, a.id DESC"""


# What is told inside one message is told together, and so once.
_TOPIC = "a.topic = s.topic AND coalesce(a.carrier_id, a.id) <> coalesce(s.carrier_id, s.id)"

# The cheap half is a window function: without `most` earlier contacts in the period there is nothing to count run by run.
_CAPS = f"""
WITH caps AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(:caps) AS c(book int, n int, name text, channel text, category text, most int, calendar text,
                                               seconds double precision)),
uncounted AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(:uncounted) AS u(book int, category text)),
counted AS (
  SELECT s.*, c.name, c.most, c.channel AS cap_channel, c.category AS cap_category,
         c.book = s.book AND s.asked AND NOT s.free_caps AS judge,
         CASE WHEN c.calendar IS NULL THEN s.judged - make_interval(secs => c.seconds) + interval '1 microsecond'
              ELSE date_trunc(c.calendar, s.judged, s.zone) END AS since,
         lag(s.judged, c.most) OVER (PARTITION BY c.book, c.n, s.person_id ORDER BY s.judged, s.free_caps, s.id) AS earlier
  FROM audit_sent s JOIN caps c ON coalesce(c.channel, s.channel) = s.channel AND coalesce(c.category, s.category) = s.category
  WHERE s.carrier_id IS NULL)
SELECT DISTINCT ON (s.id) s.id, s.name AS word, CAST(NULL AS bigint) AS other, CAST(NULL AS timestamptz) AS other_at
FROM counted s
CROSS JOIN LATERAL (
  SELECT coalesce(sum(busiest), 0) AS contacts FROM (
    SELECT max(n) AS busiest FROM (
      SELECT a.run_id, a.channel, count(*) AS n FROM audit_sent a
      WHERE a.person_id = s.person_id AND a.carrier_id IS NULL AND a.judged >= s.since - {_GRACE} AND a.judged <= s.judged
        AND (s.book, a.category) NOT IN (SELECT book, category FROM uncounted)
        AND (a.judged, a.free_caps, a.id) < (s.judged, s.free_caps, s.id) AND {_KNOWN_AT} >= s.since
        AND coalesce(s.cap_channel, a.channel) = a.channel AND coalesce(s.cap_category, a.category) = a.category
        AND (a.run_id <> s.run_id OR a.channel = s.channel)
      GROUP BY a.run_id, a.channel) each GROUP BY run_id) runs) before
WHERE s.judge AND s.earlier >= s.since - {_GRACE} AND before.contacts >= s.most
ORDER BY s.id"""


def _word_in_force(whose: str) -> str:
    """Somebody opted out or complained, it was on record when the message was released, and not taken back by then."""
    return f"""EXISTS (SELECT FROM suppressions x WHERE {whose} AND x.kind IN ('opt_out', 'complaint') AND x.channel = s.channel
               AND x.recorded_at < s.released_at AND (x.lifted_at IS NULL OR x.lifted_at > s.released_at))"""


# Said of an address, a word holds for whom it really went to.
_OF_ITS_ADDRESS = """(x.sort, x.value) IN (SELECT a.sort, CASE a.sort WHEN 'email' THEN lower(a.value) ELSE a.value END
                   FROM attempts t JOIN addresses a ON a.id = t.address_id WHERE t.message_id = s.id)"""

_NOTHING = "CAST(NULL AS bigint) AS other, CAST(NULL AS timestamptz) AS other_at FROM audit_sent s WHERE s.asked"

CHECKS: dict[Kind, str] = {
    Kind.WINDOW: f"""SELECT s.id, s.window_symbol AS word, {_NOTHING} AND NOT s.free_window
                     AND {_closed("s.book || '/' || s.window_symbol")}""",
    Kind.CONTACT_HOURS: f"""SELECT s.id, s.contact_hours AS word, {_NOTHING} AND NOT s.free_window AND s.contact_hours IS NOT NULL
                            AND {_closed("'text:' || s.contact_hours")}""",
    Kind.TOPIC: _too_close("same_topic", "free_topic", _TOPIC),
    Kind.GAP: _too_close("gap", "free_gap", "a.carrier_id IS NULL AND s.carrier_id IS NULL"),
    Kind.CAP: _CAPS,
    Kind.CONSENT: f"""SELECT s.id, s.category AS word, {_NOTHING} AND s.offer
                      AND (s.consent -> 'marketing') IS DISTINCT FROM CAST('true' AS jsonb)""",
    Kind.OPTED_OUT: f"""SELECT s.id, s.category AS word, {_NOTHING} AND s.offer
                        AND ({_word_in_force("x.person_id = s.person_id")} OR {_word_in_force(_OF_ITS_ADDRESS)})""",
    Kind.UNLAWFUL_HOURS: f"""SELECT s.id, coalesce(s.consent ->> 'hours', 'none') AS word, {_NOTHING} AND s.offer
                             AND s.personal AND {_closed("s.book || '/lawful'")}
                             AND (s.consent ->> 'hours' IS NULL OR {_closed("'text:' || (s.consent ->> 'hours')")})""",
    Kind.NOT_APPROVED: f"""SELECT s.id, s.category AS word, {_NOTHING} AND s.approval
                           AND NOT EXISTS (SELECT FROM approvals p WHERE p.campaign = s.campaign AND p.content_hash = s.content_hash
                                           AND p.approved_at <= s.released_at)""",
}
