"""How many receipts named a message nobody knows, by source and day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, rows, run, sql

_ADD = sql(
    """INSERT INTO unknown_receipts (source, day, receipts)
       SELECT v.source, CAST(CAST(:now AS timestamptz) AT TIME ZONE 'UTC' AS date), v.n FROM unnest(:sources, :counts) AS v(source, n)
       ORDER BY v.source ON CONFLICT (source, day) DO UPDATE SET receipts = unknown_receipts.receipts + excluded.receipts""",
    sources=TEXTS,
    counts=LONGS,
)
_TOTAL = sql("SELECT source, CAST(sum(receipts) AS bigint) AS n FROM unknown_receipts GROUP BY source ORDER BY source")


async def add(connection: AsyncConnection, counts: Mapping[str, int], now: datetime) -> None:
    """counts: by source (whatsapp, push)."""
    await run(connection, _ADD, sources=list(counts), counts=list(counts.values()), now=now)


async def total(connection: AsyncConnection) -> dict[str, int]:
    """Ever, by source."""
    return {row.source: row.n for row in await rows(connection, _TOTAL)}
