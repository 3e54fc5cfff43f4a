"""What the app reports of pushes and pop-ups: each event once, the first impression of a pop-up consumed atomically."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.house import House
from jobs.links import message_id
from store import popups, receipts, screens

ANOTHER_TRY = timedelta(minutes=15)  # a pop-up that an app could not show lets others go first for so long

# The app's words for what happened, as receipts know them.
KINDS = {
    "received": "delivered",
    "impression": "read",
    "open": "read",
    "click": "clicked",
    "dismiss": "dismissed",
    "error": "error",
}


@dataclass(frozen=True, slots=True)
class Interaction:
    """event_id: a UUID of the app's. delivery_id: our message key. kind: a key of KINDS."""

    event_id: str
    delivery_id: str
    kind: str
    at: datetime
    detail: str | None = None


async def interact(house: House, person_id: int | None, interactions: Sequence[Interaction], now: datetime) -> list[str]:
    """`accepted`, `duplicate` or `unknown` for each, in order. person_id: whose app it is; None trusts the sender (server side)."""
    facts = [
        receipts.Fact(item.event_id, KINDS[item.kind], min(item.at, now), message_id(item.delivery_id), person_id, item.detail)
        for item in interactions
    ]
    async with house.database.begin() as connection:
        owners = await popups.owners(connection, [fact.message_id for fact in facts if fact.message_id is not None])
        ours = [fact for fact in facts if fact.message_id in owners and person_id in (None, owners[fact.message_id])]
        new = await receipts.remember(connection, ours, now)
        told = [fact for fact in ours if fact.event_id in new]
        await receipts.move(connection, told, now)
        for fact in told:
            if fact.message_id is None:
                continue
            if fact.kind == "read":
                await screens.shown(connection, fact.message_id, fact.at, now)
            elif fact.kind in ("clicked", "dismissed"):
                await screens.gone(connection, fact.message_id, fact.at, now)
            elif fact.kind == "error":
                await screens.not_shown(connection, fact.message_id, fact.at, now + ANOTHER_TRY)
    known = {fact.event_id for fact in ours}
    return ["accepted" if item.event_id in new else "duplicate" if item.event_id in known else "unknown" for item in interactions]
