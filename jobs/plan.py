"""Plan: a due run, or a batch of customer events, becomes messages. Nothing is decided here but who is addressed and by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from config.models import Campaign
from jobs.catalog import Published
from jobs.house import House
from jobs.mishaps import is_outage, words
from jobs.shut import suppress_shut
from jobs.sifting import sift
from store import events, keys, runs, set_aside, upkeep
from store.audience import Expansion, VariantRule, expand
from store.control import ControlGroup
from store.keys import KeyRules

log = structlog.get_logger()

EVENT_BATCH = 5_000
RUNS_A_TICK = 500
MANY = 10_000  # messages of one run that make the planner's statistics wrong; PostgreSQL itself would notice within minutes

Ids = Sequence[int]
Errors = dict[int, str]  # by event id


@dataclass(frozen=True, slots=True)
class Planned:
    """What one tick did."""

    runs: int = 0
    messages: int = 0
    events: int = 0


async def plan(house: House, now: datetime) -> Planned:
    """Plan every due run and every new customer event."""
    done, joined = await plan_runs(house, now), await plan_events(house, now)
    return Planned(done.runs, done.messages + joined.messages, joined.events)


async def plan_runs(house: House, now: datetime) -> Planned:
    """Plan every due run, each in a transaction of its own. One with a million people takes a while: no customer event waits for it.

    One that cannot be planned is set aside. One that ran into an outage is tried again; the others do not wait for it.
    """
    async with house.database.begin() as connection:
        due = await runs.due(connection, now, RUNS_A_TICK)
    done = messages = 0
    outage: Exception | None = None
    for run in due:
        try:
            added = await _plan_run(house, run, now)
        except Exception as error:
            if not is_outage(error):
                await _set_aside(house, run, error)
            elif outage is None:
                outage = error
            else:
                raise
            continue
        done += added is not None
        messages += added or 0
        if added is not None and added >= MANY:
            async with house.database.begin() as connection:
                await upkeep.analyze_messages(connection)
    if outage is not None:
        raise outage
    return Planned(done, messages)


async def _set_aside(house: House, run: runs.Run, error: Exception) -> None:
    why = f"{set_aside.REASON}:{words(error)}"
    log.error("run.failed", run_id=run.id, campaign=run.campaign, occurrence=run.occurrence, reason=why, exc_info=error)
    async with house.database.begin() as connection:
        await set_aside.run_failed(connection, run.id, why)


async def plan_events(house: House, now: datetime) -> Planned:
    """Plan the new customer events. One that breaks a campaign is set aside; the others, and its other campaigns, are planned."""
    try:
        taken, added = await _plan_events(house, now, _plan_shared)
    except Exception as error:
        if is_outage(error):
            raise
        log.warning("events.sifting", error=words(error))
        taken, added = await _plan_events(house, now, _sift_shared)
    return Planned(messages=added, events=taken)


async def _plan_run(house: House, run: runs.Run, now: datetime) -> int | None:
    async with house.database.begin() as connection:
        if not await runs.lock_due(connection, run.id):
            return None
        await keys.lock_shared(connection)
        newest = await house.catalog.newest(connection)
        published = await house.catalog.version(connection, run.version_id)
        campaign = published.config.campaigns[run.campaign]
        whom = expansion(published, campaign, run.id, run.due_at, run.expires_at, now=now, newest=newest)
        added = await expand(connection, whom)
        await suppress_shut(connection, newest or published, run, now)
        await runs.planned(connection, run.id, count=added.messages, keys=added.keys, now=now)
    log.info("run.planned", run_id=run.id, campaign=run.campaign, occurrence=run.occurrence, messages=added.messages, control=added.control)
    return added.messages


class _PlanShared(Protocol):
    async def __call__(
        self, house: House, connection: AsyncConnection, newest: Published, campaign: Campaign, hour: datetime, ids: Ids, now: datetime
    ) -> tuple[int, Errors]: ...


async def _plan_events(house: House, now: datetime, plan_shared: _PlanShared) -> tuple[int, int]:
    async with house.database.begin() as connection:
        taken = await events.take_unplanned(connection, EVENT_BATCH)
        if taken:
            await keys.lock_shared(connection)
        published = await house.catalog.newest(connection) if taken else None
        if published is None:
            return 0, 0
        added = 0
        refused: Errors = {}
        for name, hour in sorted({(event.name, _hour(event.received_at)) for event in taken}):
            ids = tuple(event.id for event in taken if (event.name, _hour(event.received_at)) == (name, hour))
            for campaign in published.config.campaigns.values():
                if campaign.when.event == name:
                    more, errors = await plan_shared(house, connection, published, campaign, hour, ids, now)
                    added, refused = added + more, refused | errors
        await set_aside.events_failed(connection, list(refused.items()), now)
        await events.mark_planned(connection, [event.id for event in taken], now)
    return len(taken), added


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


async def _sift_shared(
    house: House, connection: AsyncConnection, newest: Published, campaign: Campaign, hour: datetime, ids: Ids, now: datetime
) -> tuple[int, Errors]:
    added = 0

    async def planned(some: Ids) -> None:
        nonlocal added
        added += (await _plan_shared(house, connection, newest, campaign, hour, some, now))[0]

    # Without any event first: what is wrong with the campaign itself need not be found out event by event.
    none: list[Ids] = [()]
    broken = await sift(connection, none, lambda some: planned(some[0]))
    refused = [(each, broken[0][1]) for each in ids] if broken else await sift(connection, ids, planned)
    if refused:
        log.error("event.failed", event_ids=[each for each, _ in refused], campaign=campaign.campaign, exc_info=refused[0][1])
    return added, {each: f"{campaign.campaign}: {words(error)}" for each, error in refused}


async def _plan_shared(
    house: House, connection: AsyncConnection, newest: Published, campaign: Campaign, hour: datetime, ids: Ids, now: datetime
) -> tuple[int, Errors]:
    occurrence = f"{hour.astimezone(newest.config.rules.zone):%Y-%m-%dT%H}"
    await runs.create(connection, [new_run(newest, campaign, occurrence, hour, span=timedelta(hours=1), shared=True)])
    run = await runs.shared(connection, campaign.campaign, occurrence)
    published = await house.catalog.version(connection, run.version_id)  # of the hour's first event
    own = published.config.campaigns[campaign.campaign]
    whom = expansion(published, own, run.id, run.due_at, run.expires_at, now=now, newest=newest, event_ids=tuple(ids))
    added = await expand(connection, whom)
    await suppress_shut(connection, newest, run, now)
    await runs.planned(connection, run.id, count=added.messages, keys=added.keys, now=now)
    log.info("run.joined", run_id=run.id, campaign=run.campaign, occurrence=occurrence, events=len(ids), messages=added.messages)
    return added.messages, {}


def new_run(
    published: Published,
    campaign: Campaign,
    occurrence: str,
    due_at: datetime,
    *,
    data: Mapping[str, Any] | None = None,
    skipped: str | None = None,
    span: timedelta = timedelta(0),
    shared: bool = False,
) -> runs.NewRun:
    """A campaign at one occurrence, bound to the version it is planned with."""
    return runs.NewRun(
        campaign=campaign.campaign,
        occurrence=occurrence,
        version_id=published.id,
        content_hash=published.config.content_hash(campaign.campaign),
        category=campaign.category,
        priority=published.config.rules.categories[campaign.category].priority,
        channels=campaign.channels.names,
        due_at=due_at,
        expires_at=due_at + span + campaign.expires,
        data=data or {},
        escalation=escalation(campaign),
        skipped=skipped,
        shared=shared,
    )


def expansion(
    published: Published,
    campaign: Campaign,
    run_id: int,
    due_at: datetime,
    expires_at: datetime,
    *,
    now: datetime,
    newest: Published | None = None,
    event_ids: tuple[int, ...] | None = None,
) -> Expansion:
    """The run's audience and addressing, as its own version says it; window keys are those of the newest rules."""
    config = published.config
    today = due_at.astimezone(ZoneInfo(config.rules.timezone)).date()
    variants = tuple(
        VariantRule(index, variant.segment, variant.locale, frozenset(variant.channels))
        for index, variant in enumerate(config.templates[campaign.template].variants)
    )
    return Expansion(
        run_id=run_id,
        audience=campaign.audience,
        segments=dict(config.segments),
        channels=campaign.channels.names,
        first_only=bool(campaign.channels.choice),
        escalates=campaign.channels.then is not None,
        variants=variants,
        window=campaign.window,
        keys=key_rules(newest or published, now),
        category=campaign.category,
        topic=campaign.topic,
        today=today,
        queued_at=now,
        expires_at=expires_at,
        queue_until=None if campaign.queue_for is None else due_at + campaign.queue_for,
        control=control_group(campaign),
        birthday=birthdays(today) if campaign.when.anniversary else None,
        event_ids=event_ids,
        event_expiry=campaign.expires,
        event_patience=campaign.queue_for,
    )


def key_rules(published: Published, now: datetime) -> KeyRules:
    """What these rules say of window keys on the company's day of `now`."""
    rules, segments = published.config.rules, published.config.segments
    return KeyRules(tuple((name, segments[name]) for name in rules.segment_windows), rules.timezone, now.astimezone(rules.zone).date())


def control_group(campaign: Campaign) -> ControlGroup | None:
    """Who of the campaign's audience gets nothing."""
    control = campaign.control
    return None if control is None else ControlGroup(control.share, campaign.campaign if control.seed is None else control.seed)


def escalation(campaign: Campaign) -> Mapping[str, Any] | None:
    """What follows a message of the campaign that nobody answered, as its runs keep it."""
    then = campaign.channels.then
    return None if then is None else {"channel": then.channel, "after": then.after.total_seconds(), "unless": then.unless}


def birthdays(today: date) -> tuple[str, ...]:
    """Month-days kept on a date: in a common year the 29th of February is kept on the 28th."""
    leap = today.year % 4 == 0 and (today.year % 100 != 0 or today.year % 400 == 0)
    return ("02-28", "02-29") if (today.month, today.day) == (2, 28) and not leap else (f"{today:%m-%d}",)
