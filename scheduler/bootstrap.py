"""The wiring diagram: settings become a house. The only place that knows every concrete part."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from channels.base import Channel
from channels.registry import CHANNELS
from config.loader import Config, load
from config.problems import ConfigError, Problem
from config.settings import ChannelSettings, Settings
from jobs.catalog import Catalog
from jobs.clock import Clock, DatabaseClock
from jobs.house import House
from jobs.links import Signer
from scheduler.accounts import open_accounts
from store import quota, schema, ticks, versions
from store.engine import Database, database_uri, open_database, reachable

log = structlog.get_logger()


@asynccontextmanager
async def open_house(
    settings: Settings, *, migrate: bool = False, send: bool = False, clock: Clock | None = None, channels: Mapping[str, Channel] = CHANNELS
) -> AsyncIterator[House]:
    """Database up, schema checked, keys read; with `send` also the channels this environment has credentials for.

    Raises ConfigError when the database cannot be reached, or is behind this code and `migrate` is off.
    """
    database = open_database(await asyncio.to_thread(database_uri, settings))
    try:
        await reachable(database)
        await _schema(database, migrate)
        house = House(settings, database, clock or DatabaseClock(database), channels, Catalog(channels))
        now = await house.clock.sync()
        house = replace(house, signer=await _signer(settings, database, house))
        if send:
            house = replace(house, accounts=await open_accounts(house))
            await keep_quotas(house)
        log.debug("house.open", channels=sorted(house.accounts), at=now.isoformat())
        try:
            yield house
        finally:
            for account in house.accounts.values():
                await account.adapter.close()
    finally:
        await database.close()


async def _schema(database: Database, migrate: bool) -> None:
    if migrate:
        if await schema.upgrade(database):
            log.info("schema.upgraded")
        return
    async with database.engine.connect() as connection:
        if await schema.behind(connection):
            message = "the database has not the schema of this version; run `kabar db upgrade` first"
            raise ConfigError([Problem("KABAR_DATABASE_URL", 0, 0, message)])


async def _signer(settings: Settings, database: Database, house: House) -> Signer:
    retired = settings.http.retired_signing_keys
    before = [key.strip().encode() for key in retired.get_secret_value().split(",") if key.strip()] if retired else []
    async with database.begin() as connection:
        if settings.http.signing_key is not None:
            own = await ticks.fact(connection, "signing_key")  # of the time before somebody set one
            return Signer(settings.http.signing_key.get_secret_value().encode(), (*before, *([str(own).encode()] if own else [])))
        own = await ticks.set_fact_once(connection, "signing_key", secrets.token_urlsafe(32), house.clock.now())
    return Signer(str(own).encode(), tuple(before))


def contents(channels: Mapping[str, Channel] = CHANNELS) -> dict[str, type]:
    """Channel name → what a template says on it, as the loader wants it."""
    return {name: channel.content for name, channel in channels.items()}


def read_config(directory: Path, channels: Mapping[str, Channel] = CHANNELS) -> Config:
    """Raises ConfigError with every problem."""
    return load(directory, contents(channels))


async def publish(house: House, config: Config, *, by: str | None = None) -> int:
    """Put a configuration in force; returns its version. by: for the audit log, where it is another than the one in force."""
    now = await house.clock.sync()
    async with house.database.begin() as connection:
        before = await versions.newest(connection)
        version = await versions.publish(connection, digest=config.hash, files=config.files, now=now)
        if by is not None and version != before:
            detail = {"version": version, "hash": config.hash, "campaigns": len(config.campaigns)}
            await ticks.record(connection, actor=by, action="config.publish", detail=detail, now=now)
        return version


async def keep_quotas(house: House) -> None:
    """Put in force how many people a day the providers of this process's channels allow; who only sends a test changes nothing."""
    async with house.database.begin() as connection:
        for account in house.accounts.values():
            if account.channel.quota is not None and account.written is None:
                await quota.ensure(connection, account.channel.name, account.channel.quota(account.settings))


def settings_of(channels: Mapping[str, Channel] = CHANNELS) -> list[type[ChannelSettings]]:
    """The settings class of every channel."""
    return [channel.settings for channel in channels.values()]
