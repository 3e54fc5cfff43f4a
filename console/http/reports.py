"""What an app reports of messages, item by item: accepted, duplicate or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from jobs.house import House
from jobs.interactions import Interaction, interact


class Stored(BaseModel):
    """Kept, and applied by the receipts tick."""

    status: Literal["stored"] = "stored"


class Report(BaseModel):
    event_id: str
    status: Literal["accepted", "duplicate", "unknown"]


class Reports(BaseModel):
    items: list[Report]


async def report(house: House, person_id: int | None, items: Sequence[Interaction], now: datetime) -> dict[str, Any]:
    """Answers in the order of the items. An event id twice in one batch counts once: the second is a duplicate."""
    first: dict[str, int] = {}
    for index, item in enumerate(items):
        first.setdefault(item.event_id, index)
    indexes = sorted(first.values())
    answers = dict.fromkeys(range(len(items)), "duplicate")
    answers.update(zip(indexes, await interact(house, person_id, [items[index] for index in indexes], now), strict=True))
    return {"items": [{"event_id": item.event_id, "status": answers[index]} for index, item in enumerate(items)]}
