"""The preference page's choices, read and put into force in one transaction."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import withdrawal
from jobs.house import House
from store import preferences, rekey
from store.preferences import Chosen
from store.suppressions import Source

EVIDENCE = "preference page"
ANY, OWN = "any", "own"
# What the page offers; any other hours are the person's own and stay as they are.
HOURS = {ANY: None, "mornings": "daily 06:00-11:00", "weekdays": "Mon-Fri 00:00-24:00", "weekday-mornings": "Mon-Fri 06:00-11:00"}


@dataclass(frozen=True, slots=True)
class Change:
    """What a person did on the page since it was shown to them; hours: of HOURS, None = as they were."""

    on: Set[str] = frozenset()
    off: Set[str] = frozenset()
    hours: str | None = None


def hours_name(chosen: Chosen) -> str:
    """Of HOURS, or OWN."""
    hours = None if chosen.contact_hours == "always" else chosen.contact_hours
    return next((name for name, value in HOURS.items() if value == hours), OWN)


async def change(house: House, connection: AsyncConnection, person_id: int, wanted: Change, now: datetime) -> Chosen | None:
    """What is in force now; None when there is no such person. Switching offers on is the person's own consent, and recorded as one."""
    before = await preferences.chosen(connection, person_id)
    if before is None:
        return None
    on, off = sorted(wanted.on - before.offers), sorted(wanted.off & before.offers)
    moved = wanted.hours in HOURS and HOURS[wanted.hours] != before.contact_hours
    await withdrawal.opt_out(house, connection, [(person_id, channel, EVIDENCE) for channel in off], now, Source.PREFERENCES)
    await withdrawal.opt_in(connection, [(person_id, channel, EVIDENCE) for channel in on], now)
    if on:
        await preferences.agree(connection, person_id, on, now)
    if moved and wanted.hours is not None:
        await preferences.set_hours(connection, person_id, HOURS[wanted.hours], now)
    if on or moved:
        await preferences.record(connection, person_id, Source.PREFERENCES, now)
        await rekey.ask(connection, now)
    return await preferences.chosen(connection, person_id)
