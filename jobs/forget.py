"""Forgetting a customer, and letting one come back. In steps that may be run again: what names them first, traces after."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from config.redaction import scrub
from jobs.house import House
from jobs.links import MESSAGE_KEY
from jobs.mishaps import is_outage, words
from store import erased, forget, ticks
from store.erased import Tombstone
from store.forget import Stone

log = structlog.get_logger()

NOTHING = r"(?!.)."  # a pattern that is found nowhere
AGAIN = timedelta(hours=1)  # so long what was under way at that moment may still come in
BATCH, BATCHES = 100, 100  # people at a time, and of these in one pass: minutes
PLACE = "forgotten.after"  # the tombstone a pass came to; 0 = it came to the end


class NobodyThere(LookupError):
    """No customer has this number, or ever had and was forgotten."""


class NotAllErased(Exception):
    """Something of a forgotten customer that came in late is still there."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """before: when and by whom they were forgotten already; None = just now. stopped: messages that waited or were under way."""

    before: Tombstone | None
    stopped: int
    traces: int


async def forget_customer(house: House, customer_no: str, *, by: str, reason: str, now: datetime) -> Forgotten:
    """Erase a customer; for one who is forgotten already, whatever has come in since. Raises NobodyThere."""
    pattern, provider_ids = await _receipts_of(house, customer_no)
    async with house.database.begin() as connection:
        looked = await forget.blank_receipts(connection, pattern, provider_ids, 0)
    async with house.database.begin() as connection:
        await forget.lock(connection)
        whom = await forget.person(connection, customer_no)
        before = await erased.tombstone(connection, customer_no)
        if whom is None and before is None:
            raise NobodyThere(customer_no)
        person_id = whom.id if whom else before.person_id if before else None
        stopped = await forget.erase(connection, person_id, _name(whom.name if whom else ""), now) if person_id is not None else 0
        if whom is not None:
            said = re.sub(_name(whom.name), "***", scrub(reason), flags=re.IGNORECASE)
            number = await forget.bury(connection, whom, by=by, reason=said, now=now)
            detail = {"tombstone": number, "person_id": whom.id, "reason": said, "stopped": stopped}
            await ticks.record(connection, actor=by, action="forget", detail=detail, now=now)
    traces = await _traces(house, person_id) if person_id is not None else 0
    async with house.database.begin() as connection:
        await forget.blank_receipts(connection, pattern, provider_ids, looked)
    log.info("customer.forgotten", person_id=person_id, stopped=stopped, traces=traces, again=before is not None)
    return Forgotten(before, stopped, traces)


async def readmit_customer(house: House, customer_no: str, *, by: str, reason: str, now: datetime) -> bool:
    """The next customer file may bring them back, as somebody new. False when they were not forgotten."""
    async with house.database.begin() as connection:
        number = await forget.readmit(connection, customer_no, by=by, reason=scrub(reason), now=now)
        if number is not None:
            detail = {"tombstone": number, "customer_no": customer_no, "reason": scrub(reason)}
            await ticks.record(connection, actor=by, action="readmit", detail=detail, now=now)
    return number is not None


async def forget_again(house: House, stone: Stone, *, by: str, now: datetime) -> bool:
    """A tombstone that was taken away before a restore: whoever it is about is erased once more. True when there was somebody."""
    async with house.database.begin() as connection:
        customer_no = await forget.number_of(connection, stone.key)
        if customer_no is None:
            new = await forget.bury_nobody(connection, stone)
            detail = {"key": stone.key[:16], "new": new}
            await ticks.record(connection, actor=by, action="forget.restore", detail=detail, now=now)
            return False
    reason = f"{stone.reason} (forgotten on {stone.forgotten_at:%Y-%m-%d} by {stone.forgotten_by}; again after a restore)"
    await forget_customer(house, customer_no, by=by, reason=reason, now=now)
    return True


async def keep_forgotten(house: House, now: datetime, batch: int = BATCH, batches: int = BATCHES) -> int:
    """Once more for those forgotten a while ago: what a worker or a planner held in its hands then may have been written after.

    A pass goes on where the last one ended, when that one was cut short; how many rows. Raises NotAllErased at its end.
    """
    done, failed = 0, 0
    for _ in range(batches):
        async with house.database.begin() as connection:
            after = await ticks.fact(connection, PLACE) or 0
            stones = await forget.recent(connection, now - AGAIN, after, batch)
        for _, person_id in stones:
            erased_now = await _once_more(house, person_id, now)
            done, failed = done + (erased_now or 0), failed + (erased_now is None)
        last = len(stones) < batch
        if (place := 0 if last else stones[-1][0]) != after:
            async with house.database.begin() as connection:
                await ticks.set_fact(connection, PLACE, place, now)
        if last:
            break
    if failed:
        raise NotAllErased(f"{failed} of those who were forgotten could not be erased again")
    return done


async def _once_more(house: House, person_id: int, now: datetime) -> int | None:
    """Rows; None when it cannot be done, which is told, and keeps nobody else waiting."""
    try:
        async with house.database.begin() as connection:
            done = await forget.erase(connection, person_id, NOTHING, now)
        return done + await _traces(house, person_id)
    except Exception as error:
        if is_outage(error):
            raise
        log.error("customer.not_erased_again", person_id=person_id, error=words(error))
        return None


async def _traces(house: House, person_id: int) -> int:
    async with house.database.begin() as connection:
        return await forget.erase_traces(connection, person_id)


async def _receipts_of(house: House, customer_no: str) -> tuple[str, Sequence[str]]:
    """What the stored receipts that name the customer hold: a pattern for an address or one of their messages; ids of providers."""
    async with house.database.begin() as connection:
        whom = await forget.person(connection, customer_no)
        if whom is None:
            return NOTHING, ()
        held = await forget.needles(connection, whom.id)
    named = [re.escape(value.removeprefix("+")) for value in held.addresses]
    if held.messages:
        named.append(f"{MESSAGE_KEY}({'|'.join(map(str, held.messages))})(?![0-9])")
    return "|".join(named) or NOTHING, held.provider_ids


def _name(name: str) -> str:
    """The name as a pattern: as a whole, however it is spaced."""
    return r"\s+".join(map(re.escape, name.split())) or NOTHING
