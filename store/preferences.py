"""What a person chose: offers by channel, and the hours they are written to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import TEXTS, rows, run, sql
from store.suppressed import refusals

_CHOSEN = sql(
    f"SELECT p.contact_hours, p.consents, ARRAY({refusals('p.id')}) AS refused FROM people p"
    " WHERE p.id = :person AND p.forgotten_at IS NULL FOR UPDATE OF p"
)
# Hours agreed to go with a consent: they stand as long as it does, and do not come back with a new one.
_AGREE = sql(
    """UPDATE people p SET updated_at = :now, consents = p.consents || (
         SELECT jsonb_object_agg(c, CASE WHEN p.consents -> c -> 'marketing' = 'true' THEN p.consents -> c
                                         ELSE '{"marketing": true, "hours": null}' END)
         FROM unnest(:channels) AS c)
       WHERE p.id = :person""",
    channels=TEXTS,
)
_HOURS = sql("UPDATE people SET contact_hours = :hours, hours_chosen_at = :now, updated_at = :now WHERE id = :person")
_RECORD = sql(
    """INSERT INTO permissions (person_id, recorded_at, source, timezone, contact_hours, consents)
       SELECT id, :now, :source, timezone, contact_hours, consents FROM people WHERE id = :person"""
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """offers: channels they may come by. contact_hours: weekly hours, None = any."""

    offers: frozenset[str]
    contact_hours: str | None


async def chosen(connection: AsyncConnection, person_id: int) -> Chosen | None:
    """Locked until the transaction ends; None when there is no such person."""
    found = await rows(connection, _CHOSEN, person=person_id)
    return _chosen(found[0]) if found else None


def _chosen(row: Any) -> Chosen:
    agreed = {channel for channel, given in row.consents.items() if given.get("marketing")}
    return Chosen(frozenset(agreed - set(row.refused)), row.contact_hours)


async def agree(connection: AsyncConnection, person_id: int, channels: Sequence[str], now: datetime) -> None:
    """To offers on these channels."""
    await run(connection, _AGREE, person=person_id, channels=list(channels), now=now)


async def set_hours(connection: AsyncConnection, person_id: int, hours: str | None, now: datetime) -> None:
    """Which no customer file changes from then on."""
    await run(connection, _HOURS, person=person_id, hours=hours, now=now)


async def record(connection: AsyncConnection, person_id: int, source: str, now: datetime) -> None:
    """What they have agreed to from now on, as evidence."""
    await run(connection, _RECORD, person=person_id, source=source, now=now)
