"""What can never go is told when it is planned, not when its window next opens: people whose own hours never meet it."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import facts
from jobs.catalog import Published
from jobs.mishaps import is_outage, words
from rules.facts import Suppress
from rules.judge import judge
from rules.timetable import timetable
from store import messages, shut
from store.runs import Run

log = structlog.get_logger()

_PAGE = 4_000


async def suppress_shut(connection: AsyncConnection, newest: Published, run: Run, now: datetime) -> int:
    """Judge those messages of a run as the valve would, and suppress what it would; how many.

    Somebody who cannot be judged is no reason not to plan the run: the valve sets them aside.
    """
    try:
        async with connection.begin_nested():
            return await _suppress(connection, newest, run, now)
    except Exception as error:
        if is_outage(error):
            raise
        log.warning("run.not_judged_early", run_id=run.id, error=words(error))
        return 0


async def _suppress(connection: AsyncConnection, newest: Published, run: Run, now: datetime) -> int:
    if "window" in newest.policy.category(run.category).ignore:
        return 0
    pairs = [pair for pair in await shut.hours(connection, run.id) if _never(newest, *pair, now)]
    count = after = 0
    while pairs and (rows := await shut.waiting(connection, run.id, pairs, after, _PAGE)):
        people, history = await facts.of_people(connection, newest, list({row.person_id for row in rows}), now)
        found = []
        for each in (facts.waiting(row, newest, {run.id: run.campaign}, {}) for row in rows):
            told = history.get(each.person_id, ())
            verdict = judge(each, people[each.person_id], told, newest.policy, newest.calendar, now)
            found += [(each.id, str(verdict.reason))] if isinstance(verdict, Suppress) else []
        count += await messages.suppress(connection, [each[0] for each in found], [each[1] for each in found], now=now)
        after = rows[-1].id
    return count


def _never(published: Published, key: str, hours: str, now: datetime) -> bool:
    _, window, zone = published.window(key)
    return window is not None and timetable(published.calendar).openings(zone, (window, facts.contact_hours(hours))).next(now) is None
