"""The accounts a process sends by: each channel's default one, and those of the published channels.yaml, as they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from channels.base import Channel, Ports
from config.accounts import Account as Written
from config.accounts import Accounts
from config.problems import ConfigError, Problem
from config.settings import ChannelSettings
from jobs.credentials import Credentials, credentials, default_credentials
from jobs.house import Account, House
from jobs.leases import LONGEST_SEND
from scheduler.ticks import Tick
from store import limits

log = structlog.get_logger()

FOLLOW_SECONDS = 5.0
LINGER = 120.0  # seconds; what was leased on an account that is gone has been sent by then


async def open_accounts(house: House) -> dict[str, Account]:
    """By name: the default account of every channel whose settings are complete, and those of channels.yaml; others are logged.

    Raises ConfigError for a default account whose settings are wrong, or whose files (keys, certificates) cannot be used.
    """
    opened: dict[str, Account] = {}
    try:
        for name, channel in house.channels.items():
            given = default_credentials(channel)
            if given.missing:
                log.warning("channel.not_configured", channel=name, missing=list(given.missing))
            else:
                opened[name] = await _open(house, name, channel, given, None)
        await Follower(house, opened).follow()
    except BaseException:
        for account in opened.values():
            await account.adapter.close()
        raise
    return opened


async def follow_accounts(house: House, stop: asyncio.Event) -> None:
    """Take up what the published configuration changes in channels.yaml, until told to stop.

    Whatever keeps it from that, a database that is away or a version that cannot be read, leaves the accounts as they are and is told
    as a tick that fails.
    """
    follower = Follower(house, house.accounts)
    await Tick("accounts", FOLLOW_SECONDS, lambda _house, _now: follower.follow()).keep_running(house, stop)
    await follower.close()


class Follower:
    """Keeps the opened accounts as the newest configuration has them. What could not be opened is told once, until it is changed."""

    def __init__(self, house: House, opened: dict[str, Account]) -> None:
        self._house, self._opened = house, opened
        self._refused: dict[str, Written] = {}
        self._leaving: list[tuple[float, Account]] = []

    async def follow(self) -> None:
        async with self._house.database.begin() as connection:
            published = await self._house.catalog.newest(connection)
        accounts = published.config.accounts if published else Accounts()
        written = {account.name: account for account in accounts.accounts if account.channel in self._house.channels}
        self._drop(lambda account: account.written is not None and written.get(account.name) != account.written)
        for name, account in written.items():
            if name not in self._opened and self._refused.get(name) != account:
                await self._take_up(account)
        await self._write_down(accounts, published is not None)
        await self._close_those_gone()

    def _drop(self, gone: Callable[[Account], bool]) -> None:
        for account in [each for each in self._opened.values() if gone(each)]:
            del self._opened[account.name]
            self._leaving.append((asyncio.get_running_loop().time() + LINGER, account))
            log.info("account.closed", account=account.name, channel=account.channel.name)

    async def _take_up(self, written: Written) -> None:
        channel = self._house.channels[written.channel]
        try:
            given = credentials(channel, written)
            if given.missing:
                self._refused[written.name] = written
                log.warning("account.not_configured", account=written.name, channel=channel.name, missing=list(given.missing))
                return
            self._opened[written.name] = await _open(self._house, written.name, channel, given, written)
            log.info("account.opened", account=written.name, channel=channel.name)
        except ConfigError as error:
            self._refused[written.name] = written
            log.error("account.refused", account=written.name, channel=channel.name, problems=[str(each) for each in error.problems])

    async def _write_down(self, accounts: Accounts, published: bool) -> None:
        now = self._house.clock.now()
        async with self._house.database.begin() as connection:
            for name, account in self._opened.items():
                share = account.written.share if account.written else accounts.default_share(name)
                rate, channel = account.settings.rate, account.channel.name
                await limits.ensure(connection, account=name, channel=channel, rate=rate, share=share, now=now)
            if published:
                names = {*self._house.channels, *(each.name for each in accounts.accounts)}
                await limits.forget(connection, self._house.channels, names)

    async def _close_those_gone(self) -> None:
        now = asyncio.get_running_loop().time()
        for _, account in [each for each in self._leaving if each[0] <= now]:
            await account.adapter.close()
        self._leaving = [each for each in self._leaving if each[0] > now]

    async def close(self) -> None:
        for _, account in self._leaving:
            await account.adapter.close()
        self._leaving = []


async def _open(house: House, name: str, channel: Channel, given: Credentials, written: Written | None) -> Account:
    _in_time(house, name, given.settings)
    adapter = channel.adapter(given.settings, Ports(put_popup=house.tray.put))
    try:
        await adapter.start()
    except ValueError as error:
        await adapter.close()
        raise ConfigError([Problem(_variable(channel, given, written, str(error)), 0, 0, str(error))]) from None
    return Account(name, channel, given.settings, adapter, written)


def _in_time(house: House, name: str, settings: ChannelSettings) -> None:
    """A send that may outlive its lease would be taken for stranded while it is under way, and perhaps be repeated."""
    if settings.deadline > house.settings.lease * LONGEST_SEND:
        message = f"{house.settings.lease:g} s is less than twice the DEADLINE of account {name}, {settings.deadline:g} s"
        raise ConfigError([Problem("KABAR_LEASE", 0, 0, f"{message}; raise the one or lower the other")])


def _variable(channel: Channel, given: Credentials, written: Written | None, words: str) -> str:
    """The setting whose file an adapter complains of."""
    prefix = written.prefix if written else channel.settings.model_config.get("env_prefix", channel.name)
    files = {name: value for name, value in given.settings if isinstance(value, Path)}
    return f"{prefix}{next((name.upper() for name, value in files.items() if str(value) in words), '*')}"
