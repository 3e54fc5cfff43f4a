"""Escalation: `then: {channel: email, after: 2h, unless: read}` lets a second message follow one that nobody answered."""

from __future__ import annotations

from datetime import datetime

import structlog

from jobs.house import House
from store import escalation

log = structlog.get_logger()

BATCH = 2_000  # messages of one run looked at in one transaction
ROUNDS = 50  # a tick ends after so many, work left or not


async def escalate(house: House, now: datetime) -> int:
    """How many messages follow another from now on. They wait for the valve like any other."""
    total = 0
    for _ in range(ROUNDS):
        async with house.database.begin() as connection:
            published = await house.catalog.newest(connection)
            if published is None:
                break
            closed, followed = await escalation.follow(connection, published.config.campaigns, now, BATCH)
        total += followed
        if not closed:
            break
    if total:
        log.info("message.followed", messages=total)
    return total
