"""Who could not be reached by one channel of `first:` is tried by the next, in the transaction that records the refusal."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Outcome, Rejected, Retry
from store import moving_on
from store.outbox import Settlement

log = structlog.get_logger()


def goes_elsewhere(outcome: Outcome, settlement: Settlement) -> bool:
    """Whether a message that failed may be wanted by another channel: nobody was there, or the provider never took it.

    What is refused for its content or by our account's fault would be no better by another; what may have gone out stays.
    """
    if settlement.status != "failed" or settlement.doubtful:
        return False
    return outcome.elsewhere if isinstance(outcome, Rejected) else isinstance(outcome, Retry)


async def after_refusal(
    connection: AsyncConnection, settled: Iterable[tuple[Outcome, Settlement]], ours: Collection[int], now: datetime
) -> None:
    """ours: ids of the messages that this transaction has settled."""
    refused = [(each.message_id, each.fence) for outcome, each in settled if each.message_id in ours and goes_elsewhere(outcome, each)]
    for message, channel in (await moving_on.move_on(connection, refused, now)).items():
        log.info("message.moved_on", message_id=message, channel=channel)
