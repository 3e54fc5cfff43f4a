"""Runs the checks of the audit: one statement a kind, every breach counted, the first of them told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from store import audit_conduct, audit_rules, audit_screens
from store.breaches import Breach, Kind
from store.statements import JSON, TEXTS, rows, sql

_CHECKS = {**audit_rules.CHECKS, **audit_conduct.CHECKS, **audit_screens.CHECKS}
_PARAMETERS = {"caps": JSON, "uncounted": JSON, "orders": JSON, "sorts": JSON, "repeat_is_safe": TEXTS}


def _statement(kind: Kind) -> TextClause:
    check = _CHECKS[kind]
    at = "f.shown_at" if kind in audit_screens.CHECKS else "coalesce(s.judged, m.settled_at, m.queued_at)"
    return sql(
        f"""WITH found AS MATERIALIZED ({check})
            SELECT m.id, p.customer_no, r.campaign, m.channel, {at} AS at, coalesce(s.zone, p.timezone, :zone) AS zone,
                   f.word, f.other, f.other_at, count(*) OVER () AS total
            FROM found f JOIN messages m ON m.id = f.id JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id
            LEFT JOIN audit_sent s ON s.id = f.id
            ORDER BY at, m.id LIMIT :most""",
        **{name: type_ for name, type_ in _PARAMETERS.items() if f":{name}" in check},
    )


_STATEMENTS = {kind: _statement(kind) for kind in Kind}


async def find(connection: AsyncConnection, kind: Kind, *, most: int, zone: str, given: Mapping[str, Any]) -> tuple[int, list[Breach]]:
    """How many messages are at fault, and the first `most` of them, oldest first. Needs the frames and their hours.

    zone:  of people of whom none is known
    given: what checks ask for by name: caps, uncounted, orders, sorts, repeat_is_safe, since, on_screen; see jobs/audit.py
    """
    asked = {name: value for name, value in given.items() if f":{name}" in _CHECKS[kind]}
    found = await rows(connection, _STATEMENTS[kind], most=most, zone=zone, **asked)
    breaches = [
        Breach(kind, row.id, row.customer_no, row.campaign, row.channel, row.at, row.zone, row.word, row.other, row.other_at)
        for row in found
    ]
    return (found[0].total if found else 0), breaches
