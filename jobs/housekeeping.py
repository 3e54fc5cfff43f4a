"""Housekeeping: what nobody will ask about again goes, in small batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.forget import keep_forgotten
from jobs.house import House
from jobs.retention import messages_kept
from store import domains, holds, ledger, quota, suspects, ticks, upkeep

log = structlog.get_logger()

DOMAINS_KEPT = timedelta(days=1)  # by then every strike has been taken back
BATCH = 5_000
ROUNDS = 100  # batches of one kind at a time: half a million rows in five minutes, more than any account sends

Step = Callable[[AsyncConnection], Awaitable[int]]


async def housekeeping(house: House, now: datetime) -> int:
    """Delete what is past its time; returns rows. Each batch is a transaction, so that nobody waits long for what it locks.

    A step that fails keeps no other from its work; the first failure is raised at the end, so that the tick tells it.
    """
    # Whoever was forgotten comes first: a backlog of the others may use up the time of this round.
    work = {"forgotten": partial(keep_forgotten, house, now)}
    work |= {name: partial(_thorough, house, step) for name, step in _steps(house, now).items()}
    touched: dict[str, int] = {}
    failures: list[Exception] = []
    for name, step in work.items():
        try:
            touched[name] = await step()
        except Exception as error:
            log.exception("housekeeping.failed", step=name)
            failures.append(error)
    if done := sum(touched.values()):
        log.info("housekeeping.done", rows=done, **{name: n for name, n in touched.items() if n})
    if failures:
        raise failures[0]
    return done


async def _thorough(house: House, step: Step) -> int:
    touched = 0
    for _ in range(ROUNDS):
        async with house.database.begin() as connection:
            done = await step(connection)
        touched += done
        if done < BATCH:
            break
    return touched


def _steps(house: House, now: datetime) -> dict[str, Step]:
    """Messages before their runs, these before the events and configurations they came from."""
    kept = house.settings.retention
    return {
        "audit_log": lambda connection: _anchor(connection, now),
        "receipts": lambda connection: upkeep.old_receipts(connection, now - kept.receipts, BATCH),
        "interactions": lambda connection: upkeep.old_interactions(connection, now - kept.interactions, BATCH),
        "event_data": lambda connection: upkeep.old_event_data(connection, now - kept.event_data, BATCH),
        "popup_content": lambda connection: upkeep.old_popup_content(connection, now - kept.popup_content, BATCH),
        "trials": lambda connection: upkeep.old_trials(connection, now, BATCH),
        "messages": _over(house, now, lambda connection, over: upkeep.old_messages(connection, over, BATCH)),
        "runs": _over(house, now, lambda connection, over: upkeep.old_runs(connection, over, BATCH)),
        "events": _over(house, now, lambda connection, over: upkeep.old_events(connection, over, BATCH)),
        "versions": _over(house, now, upkeep.old_versions),
        "jobs": lambda connection: upkeep.dead_jobs(connection, BATCH),
        "domains": lambda connection: domains.forget(connection, now - DOMAINS_KEPT),
        "holds": lambda connection: holds.old(connection, now, BATCH),
        "quotas": lambda connection: quota.old(connection, now, BATCH),
        "suspects": lambda connection: suspects.old(connection, now),
    }


def _over(house: House, now: datetime, delete: Callable[[AsyncConnection, datetime], Awaitable[int]]) -> Step:
    """Of what the rules in force may count: while these cannot be read, nothing of it goes."""

    async def step(connection: AsyncConnection) -> int:
        kept = messages_kept(house.settings.retention, await house.catalog.newest(connection))
        return await delete(connection, now - kept)

    return step


async def _anchor(connection: AsyncConnection, now: datetime) -> int:
    """Once a day the head of the audit log into the log, which is kept elsewhere: what is cut off after that is missed."""
    day = now.astimezone(UTC).date().isoformat()
    if await ticks.fact(connection, "audit_log.head") == day:
        return 0
    await ticks.set_fact(connection, "audit_log.head", day, now)
    if newest := await ledger.head(connection):
        log.info("audit_log.head", row=newest.id, hash=newest.hash, action=newest.action)
    return 0
