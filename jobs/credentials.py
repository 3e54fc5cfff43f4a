"""The accounts of a configuration with their settings from this environment, and the variables they lack."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from channels.base import Channel
from config.accounts import Account, Accounts
from config.problems import ConfigError
from config.settings import ChannelSettings


@dataclass(frozen=True, slots=True)
class Credentials:
    """missing: variables without which nothing can be sent."""

    settings: ChannelSettings
    missing: tuple[str, ...]


def default_credentials(channel: Channel) -> Credentials:
    """Of a channel's default account: KABAR_<CHANNEL>__*. Raises ConfigError for settings that are wrong."""
    settings = channel.settings.read()
    return Credentials(settings, tuple(channel.missing(settings)))


def credentials(channel: Channel, account: Account) -> Credentials:
    """Of an account of channels.yaml: KABAR_ACCOUNTS__<NAME>__*, rate and concurrency as written. Raises ConfigError."""
    given = {key: value for key, value in (("rate", account.rate), ("concurrency", account.concurrency)) if value is not None}
    settings = channel.settings.read(account.prefix, **given)
    usual = channel.settings.model_config.get("env_prefix", "")
    return Credentials(settings, tuple(name.replace(usual, account.prefix, 1) for name in channel.missing(settings)))


def rates(channels: Mapping[str, Channel], accounts: Accounts) -> dict[str, float]:
    """Messages a second of each channel: of all its accounts that are configured here, or else what its default one would have.

    Raises ConfigError for a default account whose settings are wrong.
    """
    found = {}
    for name, channel in channels.items():
        own = default_credentials(channel)
        configured = [own.settings.rate] if not own.missing else []
        for account in accounts.of(name):
            with suppress(ConfigError):
                given = credentials(channel, account)
                configured += [given.settings.rate] if not given.missing else []
        found[name] = sum(configured) or own.settings.rate
    return found
