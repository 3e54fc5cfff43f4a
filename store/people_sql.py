"""The statements of store/people.py."""

from __future__ import annotations

from typing import Final

from psycopg.sql import SQL

from store.erased import PSEUDONYM, address, customer
from store.rekey import ASK
from store.suppressed import key

CREATE: Final = (
    "SET LOCAL idle_in_transaction_session_timeout = 0",  # a long file may be read to its end between two statements
    # Any number that nothing else in the house locks on.
    "SELECT pg_advisory_xact_lock(7261)",
    # A million customers are hashed in memory, by this one connection.
    "SET LOCAL work_mem = '128MB'",
    "SET LOCAL jit = off",
    """
    CREATE TEMP TABLE staged_people (
        line bigint NOT NULL, digest bigint NOT NULL, customer_no text NOT NULL, name text NOT NULL, locale text, timezone text,
        portfolio_value numeric(20, 2), trades_last_month integer, last_trade_on date, birthday date, contact_hours text,
        consents jsonb NOT NULL, attributes jsonb NOT NULL
    ) ON COMMIT DROP
    """,
    """
    CREATE TEMP TABLE staged_addresses (line bigint NOT NULL, sort text NOT NULL, kind text NOT NULL, value text NOT NULL, platform text)
    ON COMMIT DROP
    """,
    "CREATE TEMP TABLE touched (person_id bigint NOT NULL, new boolean NOT NULL) ON COMMIT DROP",
)

ANALYZE: Final = "ANALYZE staged_people, staged_addresses"

DUPLICATES: Final = """
WITH twice AS (
    SELECT customer_no, min(line) AS first_line FROM staged_people GROUP BY customer_no HAVING count(*) > 1
),
later AS (
    DELETE FROM staged_people s USING twice t WHERE s.customer_no = t.customer_no AND s.line > t.first_line
    RETURNING s.line, t.first_line, s.digest
)
SELECT l.line, l.first_line, l.digest = f.digest FROM later l JOIN staged_people f ON f.line = l.first_line
"""

ANY_FORGOTTEN: Final = "SELECT EXISTS (SELECT FROM tombstones)"
# Rows of customers who were forgotten; and of numbers that stand for them here, which no file may name.
FORGOTTEN: Final = f"""
DELETE FROM staged_people s USING tombstones t
WHERE t.readmitted_at IS NULL AND t.key = {customer("s.customer_no")} RETURNING s.line, t.forgotten_at
"""
RESERVED: Final = f"DELETE FROM staged_people WHERE customer_no ~ '^{PSEUDONYM}[0-9]+$' RETURNING line"
LEFT_OVER: Final = "DELETE FROM staged_addresses a WHERE NOT EXISTS (SELECT FROM staged_people s WHERE s.line = a.line)"

PARTIAL_HOURS: Final = SQL(
    """
    || (SELECT coalesce(jsonb_object_agg(key, value || jsonb_build_object('hours', p.consents -> key -> 'hours')), '{}')
        FROM jsonb_each(s.consents) WHERE key = ANY (%(open_hours)s) AND p.consents -> key ? 'hours')
""".replace("{{}}", "{}")
)

# Before the people are written, since only then is there an old consent to compare with. What the valve holds is the valve's to judge.
WITHDRAWN: Final = """
WITH lost AS MATERIALIZED (
    SELECT p.id AS person_id, c.channel
    FROM staged_people s JOIN people p USING (customer_no) CROSS JOIN unnest(%(consents)s::text[]) AS c(channel)
    WHERE NOT s.consents @> p.consents AND p.consents -> c.channel -> 'marketing' = 'true'
      AND (s.consents -> c.channel -> 'marketing') IS DISTINCT FROM 'true'
),
offered AS MATERIALIZED (
    SELECT m.id FROM lost l JOIN messages m ON m.person_id = l.person_id AND m.channel = l.channel AND m.status IN ('queued', 'deferred')
    WHERE m.category = ANY (%(offers)s) AND m.fallback = '{}' FOR UPDATE OF m SKIP LOCKED
)
UPDATE messages m SET status = 'suppressed', reason = 'no_consent:' || m.channel, settled_at = %(now)s, next_attempt_at = NULL,
       trail = m.trail || jsonb_build_array(jsonb_build_object(
         'at', %(now)s::timestamptz, 'is', 'suppressed', 'why', 'no_consent:' || m.channel))
FROM offered o WHERE m.id = o.id AND m.status IN ('queued', 'deferred')
"""

# The permissions of everyone this touches are compared with the last ones on record, so that a new name adds no evidence.
PEOPLE: Final = """
WITH inserted AS (
    INSERT INTO people (customer_no, {columns}, consents, attributes, created_at, updated_at)
    SELECT s.customer_no, {staged}, s.consents, s.attributes, %(now)s, %(now)s
    FROM staged_people s
    WHERE NOT EXISTS (SELECT FROM people p WHERE p.customer_no = s.customer_no)
    ORDER BY s.line
    RETURNING id, timezone, contact_hours, consents
),
updated AS (
    UPDATE people p SET {changes}, updated_at = %(now)s
    FROM staged_people s
    WHERE p.customer_no = s.customer_no AND ROW({old}) IS DISTINCT FROM ROW({new})
    RETURNING p.id, p.timezone, p.contact_hours, p.consents
),
recorded AS (
    INSERT INTO permissions (person_id, recorded_at, source, timezone, contact_hours, consents)
    SELECT id, %(now)s, %(source)s, timezone, contact_hours, consents FROM inserted
    UNION ALL
    SELECT u.id, %(now)s, %(source)s, u.timezone, u.contact_hours, u.consents
    FROM updated u
    LEFT JOIN LATERAL (
        SELECT h.id, h.timezone, h.contact_hours, h.consents FROM permissions h
        WHERE h.person_id = u.id ORDER BY h.recorded_at DESC, h.id DESC LIMIT 1
    ) last ON true
    WHERE last.id IS NULL
       OR ROW(last.timezone, last.contact_hours, last.consents) IS DISTINCT FROM ROW(u.timezone, u.contact_hours, u.consents)
)
INSERT INTO touched SELECT id, true FROM inserted UNION ALL SELECT id, false FROM updated
"""

ADDRESSES: Final = """
WITH persons AS MATERIALIZED (
    SELECT p.id AS person_id, s.line FROM staged_people s JOIN people p USING (customer_no)
),
wanted AS MATERIALIZED (
    SELECT i.person_id, a.sort, a.kind, a.value, a.platform FROM staged_addresses a JOIN persons i USING (line)
),
known AS MATERIALIZED (
    SELECT x.id, x.person_id, x.sort, x.kind, x.value, x.platform, x.listed, x.learned_at
    FROM persons i JOIN addresses x USING (person_id) WHERE x.sort = ANY (%(sorts)s)
),
added AS (
    INSERT INTO addresses (person_id, sort, kind, value, platform)
    SELECT person_id, sort, kind, value, platform FROM wanted w
    WHERE NOT EXISTS (SELECT FROM known k WHERE (k.person_id, k.sort, k.value) = (w.person_id, w.sort, w.value))
    RETURNING person_id
),
relisted AS (
    UPDATE addresses x SET listed = true, kind = w.kind, platform = w.platform
    FROM wanted w JOIN known k USING (person_id, sort, value)
    WHERE x.id = k.id AND ROW(k.listed, k.kind, k.platform) IS DISTINCT FROM ROW(true, w.kind, w.platform)
    RETURNING x.person_id
),
delisted AS (
    UPDATE addresses x SET listed = false
    FROM known k
    WHERE x.id = k.id AND k.listed AND k.learned_at IS NULL
      AND NOT EXISTS (SELECT FROM wanted w WHERE (w.person_id, w.sort, w.value) = (k.person_id, k.sort, k.value))
    RETURNING x.person_id
)
INSERT INTO touched
SELECT person_id, false FROM (TABLE added UNION TABLE relisted UNION TABLE delisted) AS moved
"""

# What was said of an address before it was forgotten holds for whoever has it now.
REVEALED: Final = f"""
INSERT INTO suppressions (kind, channel, sort, value, at, recorded_at, source, code, evidence)
SELECT x.kind, x.channel, a.sort, {key("a")}, x.at, x.recorded_at, x.source, x.code, x.evidence
FROM staged_addresses a JOIN suppressions x ON x.value = {address("a")} AND x.sort = a.sort AND x.lifted_at IS NULL
ORDER BY 4, 2, x.id
ON CONFLICT DO NOTHING
"""
# So does what a person said who was forgotten, and is a customer again.
READMITTED: Final = f"""
UPDATE suppressions x SET person_id = p.id
FROM touched n JOIN people p ON p.id = n.person_id JOIN tombstones t ON t.key = {customer("p.customer_no")}
WHERE n.new AND x.person_id = t.person_id AND x.lifted_at IS NULL
"""

# Window keys of what waits follow people's data.
CHANGED: Final = ASK.format(now="%(now)s")

# What the file says against the suppression list, which is stronger: addresses, and consents of a person on a channel.
SILENCED: Final = f"""
WITH live AS MATERIALIZED (SELECT kind, channel, person_id, sort, value FROM suppressions WHERE lifted_at IS NULL),
dead AS (
    SELECT count(*) AS n FROM staged_addresses a JOIN live x ON x.kind = 'address' AND x.value = {key("a")} AND x.sort = a.sort
),
said AS (
    SELECT x.person_id, x.channel FROM live x WHERE x.person_id IS NOT NULL
    UNION
    SELECT a.person_id, x.channel FROM live x JOIN addresses a ON {key("a")} = x.value AND a.sort = x.sort WHERE x.kind <> 'address'
),
refused AS (
    SELECT count(*) AS n FROM said JOIN people p ON p.id = said.person_id JOIN staged_people s USING (customer_no)
    WHERE s.consents -> said.channel -> 'marketing' = 'true'
)
SELECT dead.n, refused.n FROM dead, refused
"""

# Hours in the file other than those the person chose on the preference page, which hold.
OWN_HOURS: Final = """
SELECT count(*) FROM staged_people s JOIN people p USING (customer_no)
WHERE p.hours_chosen_at IS NOT NULL AND p.contact_hours IS DISTINCT FROM s.contact_hours
"""

COUNTS: Final = """
SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new)
FROM (SELECT bool_or(new) AS new FROM touched GROUP BY person_id) AS person
"""
