"""When messages may come, set out for the audit: every window, the lawful hours, and the hours people wrote themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import INTS, TEXTS, rows, run, sql

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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours of one key on one kind of day. day: 0 Monday … 6 Sunday, 7 … 13 the same as a holiday. Seconds after its midnight."""

    key: str
    day: int
    first: int
    last: int


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
