"""What an answer means for its person beyond the message: left alone for a while, counted, perhaps not there any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel, Outcome, Rejected, Sent, Unknown
from channels.incoming import Receipt
from channels.signals import HoldPerson
from jobs.holding import let_go
from jobs.late import heed_signals
from store import holds, identities, quota, suspects


class Answer(Protocol):
    """One answer of a provider. address_id: None where the channel needs none."""

    @property
    def address_id(self) -> int | None: ...
    @property
    def at(self) -> datetime: ...
    @property
    def outcome(self) -> Outcome: ...


async def of_answers(
    connection: AsyncConnection, channel: Channel, block: Sequence[tuple[Any, Sequence[Answer]]], now: datetime
) -> list[tuple[int, str, str]]:
    """Claimed rows with their answers, none if nothing was sent; (address id, code, evidence) of addresses that were refused too often."""
    told = [(row, answer.at, answer.outcome) for row, answers in block for answer in answers]
    asked = [
        _hold(row.person_id, at, outcome.code, outcome.signal)
        for row, at, outcome in told
        if not isinstance(outcome, Sent) and isinstance(outcome.signal, HoldPerson)
    ]
    spaced = [holds.Hold(row.person_id, at + channel.spacing) for row, at, _ in told] if channel.spacing is not None else []
    await holds.put(connection, channel.name, [*spaced, *asked])
    await let_go(connection, channel, [row for row, answers in block if not answers], now)
    if channel.quota is not None:
        await quota.reach(
            connection, channel.name, [(row.person_id, at) for row, at, outcome in told if isinstance(outcome, Sent | Unknown)]
        )
    refused = [
        (answer.address_id, row.id, answer.outcome.code)
        for row, answers in block
        for answer in answers
        if isinstance(answer.outcome, Rejected) and answer.outcome.suspect and answer.address_id is not None
    ]
    return await suspects.suspect(connection, channel.name, refused, now)


async def of_receipts(
    connection: AsyncConnection, channel: Channel, failed: Sequence[tuple[int, Receipt]], now: datetime
) -> list[tuple[int, str, str]]:
    """The same of (message id, what its provider said later)."""
    went = await identities.recipients(connection, [message for message, receipt in failed if receipt.signal or receipt.suspect])
    known = [(message, went[message], receipt) for message, receipt in failed if message in went]
    asked = [
        _hold(to.person_id, receipt.at, receipt.code, receipt.signal) for _, to, receipt in known if isinstance(receipt.signal, HoldPerson)
    ]
    await holds.put(connection, channel.name, asked)
    await heed_signals(connection, channel, [(to.campaign, receipt) for _, to, receipt in known], now)
    refused = [
        (to.address_id, message, receipt.code or "") for message, to, receipt in known if receipt.suspect and to.address_id is not None
    ]
    return await suspects.suspect(connection, channel.name, refused, now)


def _hold(person: int, at: datetime, code: str | None, asked: HoldPerson) -> holds.Hold:
    return holds.Hold(person, at + asked.after, code or "", asked.offers_only)
