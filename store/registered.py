"""Texts that providers have approved, and what they last said of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import TEXTS, TIMES, rows, sql

# Webhooks come in any order: the newest word stands, and an older one changes nothing.
_TELL = sql(
    """INSERT INTO registered AS r (channel, name, word, at)
       SELECT DISTINCT ON (name) :channel, name, word, at FROM unnest(:names, :words, :ats) AS v(name, word, at) ORDER BY name, at DESC
       ON CONFLICT (channel, name) DO UPDATE SET word = excluded.word, at = excluded.at WHERE r.at < excluded.at
       RETURNING name, word""",
    names=TEXTS,
    words=TEXTS,
    ats=TIMES,
)


async def tell(connection: AsyncConnection, channel: str, words: Sequence[tuple[str, str, datetime]]) -> set[tuple[str, str]]:
    """(name, the provider's word, when) each; returns (name, word) of those that are news."""
    if not words:
        return set()
    names, said, ats = (list(column) for column in zip(*words, strict=True))
    return {(row.name, row.word) for row in await rows(connection, _TELL, channel=channel, names=names, words=said, ats=ats)}
