"""The audit's checks of conduct: when, to whom, how often, inside what a message went. Written apart from what sends.

Each is one SELECT of (id, word, other, other_at) over what store/audit_frame.py has set out.
"""

from __future__ import annotations

from store.breaches import Kind

_NO_OTHER = "CAST(NULL AS bigint) AS other, CAST(NULL AS timestamptz) AS other_at"

# A stop that is in force now, or that an operator set and lifted. A release of the same moment may not have seen it, and what a
# worker had claimed before goes out.
_PAUSED = """
WITH stops AS MATERIALIZED (
  SELECT campaign, channel, set_at, CAST('infinity' AS timestamptz) AS lifted_at FROM pauses
  UNION ALL
  SELECT p.detail ->> 'campaign', p.detail ->> 'channel', p.at, lifted.at FROM audit_log p
  CROSS JOIN LATERAL (SELECT r.at FROM audit_log r
                      WHERE r.action = 'resume' AND r.at > p.at
                        AND r.detail -> 'lifted' ? coalesce(nullif(concat_ws(' on ', 'campaign ' || (p.detail ->> 'campaign'),
                                                                             'channel ' || (p.detail ->> 'channel')), ''), 'everything')
                      ORDER BY r.at LIMIT 1) lifted
  WHERE p.action = 'pause' AND p.detail -> 'new' = 'true')
SELECT DISTINCT ON (s.id) s.id, coalesce(nullif(concat_ws(' on ', q.campaign, q.channel), ''), 'everything') AS word,
       CAST(NULL AS bigint) AS other, q.set_at AS other_at
FROM audit_sent s JOIN stops q ON coalesce(q.channel, s.channel) = s.channel AND coalesce(q.campaign, s.campaign) = s.campaign
WHERE s.asked AND (s.released_at > q.set_at + interval '5 seconds' AND s.released_at < q.lifted_at
                   OR s.sent_at > q.set_at + interval '3 minutes' AND s.sent_at < q.lifted_at)
ORDER BY s.id, q.set_at"""

# An address that was on the suppression list when the message was released.
_DEAD = """x.kind = 'address' AND x.sort = a.sort AND x.value = CASE a.sort WHEN 'email' THEN lower(a.value) ELSE a.value END
  AND x.recorded_at < s.released_at AND (x.lifted_at IS NULL OR x.lifted_at > s.released_at)"""
# What a customer file no longer lists, and when it left it, is not recorded: any address counts that was not dropped by then.
_NO_ADDRESS = f"""
SELECT s.id, t.sort AS word, {_NO_OTHER}
FROM audit_sent s JOIN jsonb_to_recordset(:sorts) AS t(channel text, sort text) ON t.channel = s.channel
WHERE s.asked AND s.carrier_id IS NULL
  AND NOT EXISTS (SELECT FROM addresses a WHERE a.person_id = s.person_id AND a.sort = t.sort
                  AND NOT EXISTS (SELECT FROM suppressions x WHERE {_DEAD}))"""
_WRONG_ADDRESS = f"""
SELECT DISTINCT ON (s.id) s.id, CASE WHEN a.person_id <> s.person_id THEN 'of another customer' ELSE 'dropped' END AS word,
       CAST(NULL AS bigint) AS other, CASE WHEN a.person_id = s.person_id THEN x.recorded_at END AS other_at
FROM audit_sent s JOIN attempts t ON t.message_id = s.id AND t.outcome IN ('sent', 'unknown') AND t.at >= s.released_at
JOIN addresses a ON a.id = t.address_id
LEFT JOIN suppressions x ON {_DEAD}
WHERE s.asked AND (a.person_id <> s.person_id OR x.id IS NOT NULL)
ORDER BY s.id, t.id"""

# What a receipt called failed may be sent again on an operator's word.
_TWICE = """
SELECT DISTINCT ON (s.id) s.id, t.n || ' times' AS word, CAST(NULL AS bigint) AS other, t.last AS other_at
FROM (SELECT message_id, count(*) AS n, max(at) AS last FROM attempts WHERE outcome = 'sent'
      GROUP BY message_id, address_id HAVING count(*) > 1) t
JOIN audit_sent s ON s.id = t.message_id
WHERE s.asked AND NOT s.maybe_duplicate AND s.channel <> ALL(:repeat_is_safe)
  AND t.n > 1 + (SELECT count(*) FROM interactions i WHERE i.message_id = s.id AND i.kind = 'failed')
ORDER BY s.id, t.n DESC"""

_ORDERS = """jsonb_to_recordset(:orders) AS o(version int, campaign text, first bool, share int, seed text, after interval, receipts text[])
  ON o.version = s.run_version AND o.campaign = s.campaign"""
_CONTROL = f"""
SELECT s.id, s.campaign AS word, {_NO_OTHER}
FROM audit_sent s JOIN people p ON p.id = s.person_id JOIN {_ORDERS}
WHERE s.asked AND p.forgotten_at IS NULL AND ('x' || left(md5(o.seed || ':' || p.customer_no), 8))::bit(32)::bigint % 10000 < o.share"""
# On one channel the dedup key of the table forbids it.
_TWO_CHANNELS = f"""
SELECT DISTINCT ON (s.id) s.id, a.channel AS word, a.id AS other, a.at AS other_at
FROM audit_sent s JOIN {_ORDERS} AND o.first
JOIN audit_sent a ON a.person_id = s.person_id AND a.run_id = s.run_id AND a.event_ref = s.event_ref
 AND (a.judged, a.id) < (s.judged, s.id) AND a.id <> coalesce(s.follows_id, -1) AND s.id <> coalesce(a.follows_id, -1)
WHERE s.asked ORDER BY s.id, a.judged, a.id"""
# One message that left by two channels: only what the provider of the first called failed afterwards may go by the next.
_BOTH_WAYS = f"""
SELECT s.id, string_agg(DISTINCT coalesce(a.sort, 'no address'), ' and ') AS word, {_NO_OTHER}
FROM audit_sent s JOIN {_ORDERS} AND o.first
JOIN attempts t ON t.message_id = s.id AND t.outcome IN ('sent', 'unknown') LEFT JOIN addresses a ON a.id = t.address_id
WHERE s.asked GROUP BY s.id
HAVING count(DISTINCT coalesce(a.sort, '')) > 1 + (SELECT count(DISTINCT coalesce(i.channel, '')) FROM interactions i
                                                   WHERE i.message_id = s.id AND i.kind = 'failed')"""

# A receipt that was being applied when the message was claimed may have come too late to be seen.
_ANSWERED = f"""
SELECT DISTINCT ON (s.id) s.id, i.kind AS word, f.id AS other, i.at AS other_at
FROM audit_sent s JOIN {_ORDERS} JOIN messages f ON f.id = s.follows_id
JOIN interactions i ON i.message_id = f.id AND i.kind = ANY(o.receipts) AND i.known_at < s.released_at - interval '1 minute'
WHERE s.asked ORDER BY s.id, i.known_at"""
_HASTY = f"""
SELECT s.id, CAST(o.after AS text) AS word, f.id AS other, f.sent_at AS other_at
FROM audit_sent s JOIN {_ORDERS} JOIN messages f ON f.id = s.follows_id
WHERE s.asked AND (f.sent_at IS NULL OR s.released_at < f.sent_at + o.after)"""

# A merge is settled once its carrier has gone; until then a carrier that waits or failed is looked after.
_NOT_CARRIED = """
SELECT m.id, CASE WHEN c.id IS NULL THEN 'no carrier' ELSE 'carrier ' || c.status END AS word, c.id AS other, c.settled_at AS other_at
FROM messages m LEFT JOIN messages c ON c.id = m.carrier_id
WHERE m.status = 'merged' AND coalesce(m.settled_at, m.queued_at) >= :since
  AND (c.id IS NULL OR c.status = 'merged'
       OR m.settled_at IS NOT NULL AND c.status NOT IN ('released', 'sending', 'sent', 'delivered', 'read', 'unknown'))"""
# A carrier that was tried before may have taken it on under other rules.
_WRONG_CARRIER = """
SELECT * FROM (
  SELECT s.id, concat_ws(', ', CASE WHEN c.person_id <> s.person_id THEN 'of another customer' END,
                         CASE WHEN c.channel <> s.channel THEN 'by another channel' END,
                         CASE WHEN c.category <> s.category THEN 'of another category' END,
                         CASE WHEN c.attempts > 1 THEN NULL WHEN s.digest IS NULL THEN 'of a category without digest'
                              WHEN greatest(s.queued_at - c.queued_at, c.queued_at - s.queued_at) > s.digest THEN 'queued too far apart' END
                        ) AS word, c.id AS other, c.released_at AS other_at
  FROM audit_sent s JOIN messages c ON c.id = s.carrier_id WHERE s.asked) each WHERE word <> ''"""

CHECKS: dict[Kind, str] = {
    Kind.CONTROL: _CONTROL,
    Kind.PAUSED: _PAUSED,
    # A claim just before the expiry still waits for its turn and for its provider's answer.
    Kind.LATE: """SELECT s.id, CAST(NULL AS text) AS word, CAST(NULL AS bigint) AS other, s.expires_at AS other_at
                  FROM audit_sent s WHERE s.asked
                   AND (s.released_at >= s.expires_at OR s.sent_at >= s.expires_at + interval '60 seconds')""",
    Kind.IMPATIENT: """SELECT s.id, CAST(NULL AS text) AS word, CAST(NULL AS bigint) AS other, s.queue_until AS other_at
                       FROM audit_sent s WHERE s.asked AND NOT s.tried AND s.released_at >= s.queue_until""",
    Kind.NO_ADDRESS: _NO_ADDRESS,
    Kind.WRONG_ADDRESS: _WRONG_ADDRESS,
    Kind.TWICE: _TWICE,
    Kind.TWO_CHANNELS: _TWO_CHANNELS,
    Kind.BOTH_WAYS: _BOTH_WAYS,
    Kind.ANSWERED: _ANSWERED,
    Kind.HASTY: _HASTY,
    Kind.NOT_CARRIED: _NOT_CARRIED,
    Kind.WRONG_CARRIER: _WRONG_CARRIER,
}
