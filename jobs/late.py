"""What a provider says after it took a message may concern its neighbours as well: less for a while, or no more at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel
from channels.incoming import Receipt
from channels.signals import SlowDown, StopCampaign, StopChannel
from store import limits, versions

log = structlog.get_logger()

FRESH = timedelta(hours=1)  # what was said longer ago may have been mended since


async def heed_signals(connection: AsyncConnection, channel: Channel, said: Sequence[tuple[str, Receipt]], now: datetime) -> None:
    """(campaign, receipt) each. Which account sent it is not known any more: all of the channel slow down."""
    for campaign, receipt in said:
        if receipt.at <= now - FRESH:
            continue
        match receipt.signal:
            case StopCampaign(code):
                await _stop(connection, campaign, channel.name, f"provider refused the content: {code}", now)
            case StopChannel(code):
                await _stop(connection, None, channel.name, f"provider refused the account: {code}", now)
            case SlowDown(after) if receipt.at + after > now:
                await _slow(connection, channel, receipt, receipt.at + after - now, now)
            case _:
                continue


async def _stop(connection: AsyncConnection, campaign: str | None, channel: str, reason: str, now: datetime) -> None:
    if await versions.pause(connection, campaign=campaign, channel=channel, reason=reason, by="kabar", now=now):
        log.error("channel.stopped" if campaign is None else "campaign.stopped", campaign=campaign, channel=channel, reason=reason)


async def _slow(connection: AsyncConnection, channel: Channel, receipt: Receipt, after: timedelta, now: datetime) -> None:
    for account in [limit.account for limit in await limits.every(connection) if limit.channel == channel.name]:
        await limits.slow_down(connection, account, after, receipt.code or "", now)
        log.warning("account.slow_down", account=account, seconds=after.total_seconds())
        if isinstance(receipt.signal, SlowDown) and receipt.signal.alert:
            log.error("account.quality", account=account, code=receipt.code)
