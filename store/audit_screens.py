"""The audit's checks of pop-ups on a person's screen, over the impressions the app told of.

Each is one SELECT of (id, word, other, other_at, shown_at) over the temporary table this room sets out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.breaches import Kind
from store.statements import JSON, rows, run, sql

# The texts of the rules are compared, not read: they change seldom, the versions often.
_EDITIONS = sql(
    """SELECT id, activated_at, md5(coalesce(files ->> 'rules.yaml', files ->> 'rules.yml')) AS text FROM versions
       ORDER BY activated_at, id"""
)
_FRAME = sql(
    """CREATE TEMP TABLE audit_shown ON COMMIT DROP AS
       SELECT i.message_id AS id, p.person_id, i.at, i.at >= :since AS asked, e.gap,
              (SELECT min(g.at) FROM interactions g
               WHERE g.message_id = i.message_id AND g.kind IN ('clicked', 'dismissed') AND g.at >= i.at) AS gone_at
       FROM interactions i JOIN popups p ON p.message_id = i.message_id
       JOIN jsonb_to_recordset(:eras) AS e(first timestamptz, last timestamptz, gap interval) ON i.at >= e.first AND i.at < e.last
       WHERE i.kind = 'read' AND i.at >= :since - CAST(:lookback AS interval)""",
    eras=JSON,
)
_INDEX = sql("CREATE INDEX ON audit_shown (person_id, at)")
_ANALYZE = sql("ANALYZE audit_shown")

# The clocks of two phones differ.
_SKEW = "interval '30 seconds'"


def _together(too_early: str) -> str:
    return f"""SELECT DISTINCT ON (s.id) s.id, CAST(NULL AS text) AS word, a.id AS other, a.at AS other_at, s.at AS shown_at
               FROM audit_shown s JOIN audit_shown a ON a.person_id = s.person_id AND (a.at, a.id) < (s.at, s.id) AND a.id <> s.id
                AND s.at < {too_early}
               WHERE s.asked ORDER BY s.id, a.at DESC"""


CHECKS: dict[Kind, str] = {
    Kind.POPUP_GAP: _together(f"a.at + s.gap - least({_SKEW}, s.gap / 2)"),
    # Of one that nobody tells to be gone it is not known how long it was there.
    Kind.TWO_POPUPS: _together(f"least(a.gone_at, a.at + CAST(:on_screen AS interval)) - {_SKEW} AND a.gone_at IS NOT NULL"),
}


@dataclass(frozen=True, slots=True)
class Edition:
    """A version, since when it is in force, and a fingerprint of its rules."""

    version: int
    activated_at: datetime
    text: str


async def editions(connection: AsyncConnection) -> list[Edition]:
    """Every version there was, in the order they came into force."""
    return [Edition(row.id, row.activated_at, row.text) for row in await rows(connection, _EDITIONS)]


async def frame(connection: AsyncConnection, eras: Sequence[Mapping[str, Any]], *, since: datetime, lookback: timedelta) -> None:
    """Set out the impressions since, and `lookback` before. eras: {first, last, gap} each, as text PostgreSQL reads, without holes."""
    await run(connection, _FRAME, eras=list(eras), since=since, lookback=lookback)
    await connection.execute(_INDEX)
    await connection.execute(_ANALYZE)
