"""The simulation's own database: emptied between seeds, and with a ledger of every change of a message in the order of commits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from store.tables import metadata

_KEPT = {"versions", "audit_log", "approvals"}
_MADE = """
CREATE TABLE ledger (seq bigint GENERATED ALWAYS AS IDENTITY, message bigint, was text, became text, fence_before int, fence int,
                     channel text, lease_until timestamptz, maybe_duplicate boolean, reason text);
CREATE FUNCTION keep_books() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO ledger (message, became, fence, channel, reason) VALUES (NEW.id, NEW.status, NEW.fence, NEW.channel, NEW.reason);
  ELSIF (OLD.status, OLD.fence) IS DISTINCT FROM (NEW.status, NEW.fence) THEN
    INSERT INTO ledger (message, was, became, fence_before, fence, channel, lease_until, maybe_duplicate, reason)
    VALUES (NEW.id, OLD.status, NEW.status, OLD.fence, NEW.fence, NEW.channel, NEW.lease_until, NEW.maybe_duplicate, NEW.reason);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER books AFTER INSERT OR UPDATE ON messages DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION keep_books();
"""
_PEOPLE = """
WITH given AS (SELECT * FROM jsonb_to_recordset(%s) AS g(n int, zone text, hours text, consents jsonb, sorts text[], devices int)),
     made AS (INSERT INTO people (customer_no, name, portfolio_value, timezone, contact_hours, consents)
              SELECT 'C' || lpad(n::text, 6, '0'), 'Budi Santoso ' || n, 1000000, zone, hours, consents FROM given ORDER BY n
              RETURNING id, customer_no)
INSERT INTO addresses (person_id, sort, kind, value, platform)
SELECT m.id, a.sort, a.kind, a.value, 'android' FROM given g JOIN made m ON m.customer_no = 'C' || lpad(g.n::text, 6, '0')
CROSS JOIN LATERAL (SELECT 'push' AS sort, 'token' AS kind, 'token-' || g.n || '-' || d AS value FROM generate_series(1, g.devices) d
                    UNION ALL SELECT 'phone', 'phone', '+62812000' || lpad(g.n::text, 5, '0')
                    UNION ALL SELECT 'email', 'email', 'c' || g.n || '@example.com') a
WHERE a.sort = ANY(g.sorts) ORDER BY m.id, a.sort, a.value
"""
_BLOCKED = """SELECT count(*) AS n FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock' AND cardinality(pg_blocking_pids(pid)) > 0"""
_MESSAGES = """
SELECT m.id, m.person_id, m.channel, m.fallback, m.category, m.status, m.reason, m.attempts, m.fence, m.maybe_duplicate, m.carrier_id,
       m.follows_id, m.sent_at, m.expires_at, r.campaign, r.status AS run, c.status AS carrier
FROM messages m JOIN runs r ON r.id = m.run_id LEFT JOIN messages c ON c.id = m.carrier_id ORDER BY m.id
"""
_OPEN = """
SELECT (SELECT count(*) FROM runs WHERE status IN ('due', 'active')) + (SELECT count(*) FROM receipts WHERE applied_at IS NULL)
     + (SELECT count(*) FROM events WHERE planned_at IS NULL)
     + (SELECT count(*) FROM messages WHERE doubted_at IS NOT NULL AND status IN ('failed', 'expired', 'suppressed', 'cancelled')) AS n,
  least((SELECT min(lease_until) FROM messages WHERE status = 'sending'), (SELECT min(retry_at) FROM receipts WHERE applied_at IS NULL),
        (SELECT min(next_attempt_at) FROM messages WHERE status = 'deferred'),
        (SELECT min(released_at) + interval '31 seconds' FROM messages WHERE status = 'released')) AS at
"""


class Change(NamedTuple):
    """A row of the ledger. lease_until: of a claim."""

    seq: int
    message: int
    was: str | None
    became: str
    fence_before: int | None
    fence: int
    channel: str
    lease_until: datetime | None
    maybe_duplicate: bool | None
    reason: str | None


@dataclass
class Books:
    """A connection beside those of the house, and not of the loop."""

    conninfo: str
    _connection: psycopg.Connection[Any] = field(init=False)
    _empty: sql.Composed = field(init=False)

    def __post_init__(self) -> None:
        self._connection = psycopg.connect(self.conninfo, autocommit=True, row_factory=namedtuple_row)
        if not self.ask("SELECT to_regclass('ledger') AS it")[0].it:
            self._connection.execute(_MADE)
        self._empty = self._emptying()

    def _emptying(self) -> sql.Composed:
        tables = [table.name for table in reversed(metadata.sorted_tables) if table.name not in _KEPT]
        tables += ["procrastinate_jobs", "procrastinate_workers", "ledger"]
        counted = self.ask("SELECT sequencename AS name FROM pg_sequences WHERE sequencename NOT LIKE ALL(%s) ORDER BY 1", ["versions%"])
        # The pages and the statistics of one seed must not decide in which order the next finds its rows.
        parts: list[sql.Composable] = [sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(map(sql.Identifier, tables)))]
        parts += [sql.SQL("DELETE FROM pg_statistic WHERE starelid >= 16384")]
        parts += [sql.SQL("SELECT setval({}, 1, false)").format(sql.Literal(row.name)) for row in counted]
        parts += [sql.SQL("UPDATE versions SET activated_at = '2000-01-01'")]
        return sql.SQL("BEGIN; {}; COMMIT").format(sql.SQL("; ").join(parts))

    def ask(self, statement: str, *values: Any) -> Sequence[Any]:
        return self._connection.execute(statement.encode(), values or None).fetchall()

    def begin_anew(self, people: Sequence[Mapping[str, Any]]) -> None:
        """Nothing but versions, and these people."""
        self._connection.execute(self._empty)
        self._connection.execute(_PEOPLE, [json.dumps(people)])

    def worker(self) -> int:
        """One that lives."""
        return int(self.ask("INSERT INTO procrastinate_workers (last_heartbeat) VALUES ('infinity') RETURNING id")[0].id)

    def bury(self, worker: int) -> None:
        self._connection.execute("UPDATE procrastinate_workers SET last_heartbeat = '-infinity' WHERE id = %s", [worker])

    def blocked(self) -> int:
        return int(self.ask(_BLOCKED)[0].n)

    def open(self) -> tuple[int, datetime | None]:
        """How much is not done with, and when something of it is due."""
        [row] = self.ask(_OPEN)
        return row.n, row.at

    def changes(self) -> list[Change]:
        return [Change(*row) for row in self.ask("SELECT * FROM ledger ORDER BY seq")]

    def messages(self) -> Sequence[Any]:
        return self.ask(_MESSAGES)

    def close(self) -> None:
        self._connection.close()
