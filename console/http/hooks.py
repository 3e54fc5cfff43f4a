"""The webhooks of the channels, and by whose secrets they are verified: those of every account that is configured now."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from channels.incoming import Webhook
from config.accounts import Account as Written
from config.problems import ConfigError
from config.settings import ChannelSettings
from jobs.credentials import credentials, default_credentials
from jobs.house import House

log = structlog.get_logger()


class Hooks:
    """Secrets are read from the environment at start, and again whenever another configuration is in force.

    Raises ConfigError at start when the settings of a default account are wrong.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._webhooks = {name: channel.webhook for name, channel in house.channels.items() if channel.webhook is not None}
        self._own = {name: default_credentials(house.channels[name]).settings for name in self._webhooks}
        self._version: int | None = None
        self._settings: Mapping[str, tuple[ChannelSettings, ...]] = {name: (own,) for name, own in self._own.items()}

    async def of(self, channel: str) -> tuple[Webhook, tuple[ChannelSettings, ...]] | None:
        """None when the channel takes no webhooks."""
        webhook = self._webhooks.get(channel)
        if webhook is None:
            return None
        async with self._house.database.begin() as connection:
            published = await self._house.catalog.newest(connection)
        if published is not None and published.id != self._version:
            self._version = published.id
            self._settings = {
                name: (own, *(settings for account in published.config.accounts.of(name) if (settings := self._read(name, account))))
                for name, own in self._own.items()
            }
        return webhook, self._settings[channel]

    def _read(self, channel: str, account: Written) -> ChannelSettings | None:
        try:
            return credentials(self._house.channels[channel], account).settings
        except ConfigError as error:
            log.error("account.refused", account=account.name, channel=channel, problems=[str(each) for each in error.problems])
            return None
