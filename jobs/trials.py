"""What apps report of the pop-ups of `kabar send-test`: they go, and nothing else happens."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.house import House
from store import trials


async def seen(house: House, person_id: int, told: Mapping[str, int]) -> dict[str, str]:
    """{event id: id of the test it is about} → {event id: `accepted`, or `unknown` when there is no such test any more}."""
    if not told:
        return {}
    async with house.database.begin() as connection:
        known = await trials.seen(connection, person_id, set(told.values()))
    return {event_id: "accepted" if test in known else "unknown" for event_id, test in told.items()}
