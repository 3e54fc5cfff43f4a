"""What a provider says of our approved texts and of the account: campaigns that cannot be sent are stopped, and somebody is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel, Content
from channels.incoming import Receipt, ReceiptKind
from config.catalog import Config
from jobs.house import House
from store import registered, versions

log = structlog.get_logger()


async def heed(house: House, connection: AsyncConnection, channel: Channel, told: Sequence[Receipt], now: datetime) -> None:
    """Old news changes nothing. An approval lifts no stop: somebody looks first, and resumes."""
    words = [receipt for receipt in told if receipt.kind is ReceiptKind.CONTENT and receipt.subject and receipt.code]
    news = await registered.tell(connection, channel.name, [(word.subject or "", word.code or "", word.at) for word in words])
    published = await house.catalog.newest(connection) if news else None
    for word in words:
        if (word.subject, word.code) in news:
            campaigns = list(using(published.config, channel.name, word.subject or "")) if published else []
            await _carry_out(connection, channel, word, campaigns, now)
    for receipt in told:
        if receipt.kind is ReceiptKind.NOTICE:
            log.error("account.notice", channel=channel.name, about=receipt.subject, word=receipt.code, said=receipt.text)


async def _carry_out(connection: AsyncConnection, channel: Channel, word: Receipt, campaigns: Sequence[str], now: datetime) -> None:
    if not word.stopped:
        log.warning("template.allowed", channel=channel.name, template=word.subject, word=word.code, campaigns=campaigns)
        return
    log.error("template.stopped", channel=channel.name, template=word.subject, word=word.code, why=word.text, campaigns=campaigns)
    reason = f"provider says of template {word.subject}: {word.code}"
    for campaign in campaigns:
        await versions.pause(connection, campaign=campaign, channel=channel.name, reason=reason, by="kabar", now=now)


def using(config: Config, channel: str, name: str) -> Iterator[str]:
    """Campaigns that may say an approved text: in their own words, or as a digest."""
    speaking = {template.template for template in config.templates.values() if name in _registered(config, template.template, channel)}
    for campaign in config.campaigns.values():
        digest = config.rules.categories[campaign.category].digest
        if channel in campaign.channels.names and speaking & {campaign.template, digest.template if digest else ""}:
            yield campaign.campaign


def _registered(config: Config, template: str, channel: str) -> set[str | None]:
    spoken = (variant.channels.get(channel) for variant in config.templates[template].variants)
    return {content.registered_as() for content in spoken if isinstance(content, Content)}
