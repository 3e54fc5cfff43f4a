"""Which pop-up an app may show now: one at a time, the most important first, `overlap.popup_gap` apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from config.models import Rules
from jobs.house import House
from store import popups, screens, trials

POLL_AFTER_S = 300  # when nothing says sooner or later
SHOWS_WITHIN = timedelta(seconds=60)  # an app shows what it was given so soon, or asks again
ON_SCREEN = timedelta(minutes=5)  # an app that was closed never tells that its pop-up is gone


@dataclass(frozen=True, slots=True)
class Offer:
    """item: a row of store.screens.waiting or store.trials.waiting, None = nothing now. poll_after_s: when to ask again."""

    item: Row[Any] | None
    poll_after_s: int


async def offer(house: House, person_id: int, trigger: str, now: datetime, device: str | None = None) -> Offer:
    """The most important pop-up this person may be shown at a trigger; to be given it makes it delivered.

    One that is on the screen, or was given to an app a moment ago, is the only one there is; of several devices that name
    themselves only that one gets it. A test comes before everything, and stands in nothing's way.
    """
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        rules = published.config.rules if published else None
        await screens.lock(connection, person_id)
        if (trial := await trials.waiting(connection, person_id, now)) is not None:
            return Offer(trial, POLL_AFTER_S)
        waiting = await screens.waiting(
            connection,
            person_id,
            trigger,
            device,
            categories=_categories(rules),
            gap=rules.overlap.popup_gap if rules else timedelta(0),
            on_screen=ON_SCREEN,
            shows_within=SHOWS_WITHIN,
            now=now,
        )
        item = next((row for row in waiting if row.held_until is None), None)
        if item is not None:
            await screens.offered(connection, item.message_id, device, now)
            await popups.fetched(connection, [item.message_id] if item.unfetched else [], now)
            return Offer(item, POLL_AFTER_S)
    return Offer(None, _wait(min((row.held_until for row in waiting), default=None), now))


def _categories(rules: Rules | None) -> list[dict[str, Any]]:
    categories = rules.categories if rules else {}
    return [{"name": name, "priority": category.priority, "offer": category.offer} for name, category in categories.items()]


def _wait(until: datetime | None, now: datetime) -> int:
    return POLL_AFTER_S if until is None else math.ceil((until - now).total_seconds())
