"""A Friday evening with messages that wait, and `kabar why` of it as it reads on a wide terminal."""

from __future__ import annotations

from datetime import datetime
from io import StringIO
from typing import Any

from rich.console import Console
from sqlalchemy import text

from console.cli.why import Story, show, tell
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.plan import plan
from scheduler.firing import fire
from store import limits
from tests.conftest import FRIDAY_EVENING, JAKARTA
from tests.world import RULES, configure, files

START = datetime(2026, 11, 20, 18, 45, tzinfo=JAKARTA)
GONE = "UPDATE messages SET status = 'sent', sent_at = :at WHERE status = 'released'"  # what was let go left at once


async def planned(house: House, clock: VirtualClock, *campaigns: str, rules: str = RULES) -> None:
    """The campaigns are fired and planned at 18:45, and every channel has room."""
    await configure(house, files(*campaigns, rules=rules))
    await fire(house, FRIDAY_EVENING)
    clock.advance_to(START)
    await fire(house, START)
    await plan(house, START)
    async with house.database.begin() as connection:
        for name in house.channels:
            await limits.ensure(connection, account=name, channel=name, rate=50.0, now=START)


async def told(house: House, now: datetime, customer: str = "C000001", only: str | None = None) -> tuple[Story, str]:
    """The story, and how it reads on a wide terminal."""
    story = await tell(house, customer, now, only)
    page = StringIO()
    show(story, Console(width=200, file=page))
    return story, page.getvalue()


async def execute(house: House, statement: str, **values: Any) -> None:
    async with house.database.begin() as connection:
        await connection.execute(text(statement), values)
