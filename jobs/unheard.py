"""Receipts whose message nobody knew for an hour: counted by source and day, and told once a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.incoming import ReceiptKind
from jobs.told import Told
from store import unheard

log = structlog.get_logger()

ABOUT_PEOPLE = frozenset({ReceiptKind.OPTED_OUT, ReceiptKind.OPTED_IN, ReceiptKind.REPLIED, ReceiptKind.MOVED})
NAMELESS = ABOUT_PEOPLE | {ReceiptKind.CONTENT, ReceiptKind.NOTICE}  # they need no message


async def count(connection: AsyncConnection, found: Sequence[Told], now: datetime) -> list[Told]:
    """Those that have a message, or need none; the others are counted and gone."""
    lost = Counter(item.fact.channel or "" for item in found if _lost(item))
    if not lost:
        return list(found)
    await unheard.add(connection, lost, now)
    for source, receipts in lost.items():
        log.warning("receipt.unknown_message", source=source, receipts=receipts)
    return [item for item in found if not _lost(item)]


def _lost(item: Told) -> bool:
    return item.fact.message_id is None and item.fact.kind not in NAMELESS
