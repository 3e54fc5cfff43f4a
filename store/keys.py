"""Window keys: by which window, and by whose clock, a message waits. One expression for planning and for looking again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, case, func, literal, literal_column
from sqlalchemy.ext.asyncio import AsyncConnection

from config.conditions import Condition
from store.conditions import compile_condition
from store.statements import rows, sql
from store.tables import people

# Who plans holds it shared, who looks at the keys again holds it alone: no key of older rules is written behind the looker's back.
_SHARED = sql("SELECT pg_advisory_xact_lock_shared(hashtext('kabar.keys'))")
_ALONE = sql("SELECT pg_try_advisory_xact_lock(hashtext('kabar.keys')) AS won")


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What the newest rules say of keys.

    segments: (name, condition) in the order of segment_windows, the first that holds counts
    zone:     of a person who has none
    today:    the company's date
    """

    segments: tuple[tuple[str, Condition], ...]
    zone: str
    today: date


async def lock_shared(connection: AsyncConnection) -> None:
    """Waits while keys are looked at again; held until the transaction ends. Read the newest rules after it."""
    await connection.execute(_SHARED)


async def lock_alone(connection: AsyncConnection) -> bool:
    """False while anybody plans."""
    return bool((await rows(connection, _ALONE))[0].won)


def by_segment(rules: KeyRules) -> ColumnElement[str]:
    """`seg:SEGMENT` of a person, or `none`."""
    if not rules.segments:
        return literal("none")
    return case(*((compile_condition(condition, rules.today), f"seg:{name}") for name, condition in rules.segments), else_="none")


def in_zone(name: ColumnElement[str], rules: KeyRules) -> ColumnElement[str]:
    """`NAME@zone` of a person."""
    return name.concat(literal_column("'@'")).concat(func.coalesce(people.c.timezone, rules.zone))
