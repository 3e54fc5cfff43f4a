"""Rehearsal: the real configuration and audience on a virtual clock and a scratch copy; nothing is sent, nothing is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from config.loader import Config
from jobs.catalog import Catalog, Published
from jobs.clock import VirtualClock
from jobs.credentials import rates
from jobs.house import House, Known
from jobs.reconcile import reconcile
from scheduler.bootstrap import publish
from scheduler.drive import drive
from scheduler.solo import Solo
from store import limits, quota, rehearsed, runs, versions
from store.messages import Chunk
from store.scratch import scratch

Show = Callable[[datetime], None]
LONGEST_STEP = timedelta(days=1)
UNTIDY = 1_500  # messages sent between two tidyings
_MONTH = timedelta(days=33)
_DAY = timedelta(days=1)


@asynccontextmanager
async def rehearse(
    house: House, config: Config, since: datetime, until: datetime, show: Show, snapshot: str | None = None
) -> AsyncIterator[House]:
    """Play `config` from `since` to `until` (aware), as if all of it were approved; yields the scratch house to look at.

    Messages waiting now and contacts made until now are taken along, or as they were in a snapshot of store.snapshot.
    Accounts send at the rate this environment sets, and to as many people a day.
    """
    # The longest calendar cap reaches back a month.
    async with scratch(house.database, min(since, house.clock.now()) - _MONTH, snapshot) as database:
        clock = VirtualClock(since)
        stage = replace(house, database=database, clock=clock, catalog=Settled(house.channels), accounts={}, nudge=_nobody, known=Known())
        kept = (await _set(stage, config)).policy.lookback + _DAY

        untidy = 0

        async def send() -> None:
            nonlocal untidy
            async with database.begin() as connection:
                sent = await rehearsed.send(connection, clock.now())
            untidy += sum(sent.values())
            await clock.sleep(max((n / pace[channel] for channel, n in sent.items()), default=0))

        async def told(now: datetime) -> None:
            nonlocal untidy
            if untidy >= UNTIDY:
                await database.tidy(now - kept)
                untidy = 0
            show(now)

        pace = rates(house.channels, config.accounts)
        async with database.hasty():
            await drive(stage, clock, until, send, told, settle=Solo().settle, longest=LONGEST_STEP)
            await reconcile(stage, clock.now())
        yield stage


class Settled(Catalog):
    """What is newest is asked once: on a stage nobody publishes."""

    _newest: Published | None = None

    async def newest(self, connection: AsyncConnection) -> Published | None:
        if self._newest is None:
            self._newest = await super().newest(connection)
        return self._newest


async def _nobody(connection: AsyncConnection, chunks: Sequence[Chunk]) -> None:
    """No job is made: the rehearsal itself carries out what is released."""


async def _set(stage: House, config: Config) -> Published:
    now = stage.clock.now()
    await publish(stage, config)
    async with stage.database.begin() as connection:
        await runs.move_planned_until(connection, dict.fromkeys(config.campaigns, now))
        for name in config.campaigns:
            await versions.approve(connection, campaign=name, content_hash=config.content_hash(name), by="rehearsal", now=now)
        for name, rate in rates(stage.channels, config.accounts).items():
            await limits.ensure(connection, account=name, channel=name, rate=rate, now=now)
        for name, channel in stage.channels.items():
            if channel.quota is not None:
                await quota.ensure(connection, name, channel.quota(channel.settings.read()))
        published = await stage.catalog.newest(connection)
    assert published is not None
    return published
