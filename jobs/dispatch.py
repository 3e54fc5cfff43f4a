"""Dispatch: a released chunk is claimed block by block, each committed, sent in its turn, and settled. It decides nothing about when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from channels.base import Channel, Rejected
from jobs import aftermath, domains, platforms
from jobs.blocks import Item, claim, give_back, still_wanted
from jobs.deadlocks import despite_deadlocks, in_order
from jobs.house import House
from jobs.leases import lease, patience
from jobs.moving_on import after_refusal
from jobs.outages import wait_out
from jobs.sends import Answer, send
from jobs.settlement import combine, doubtful, outcome_row, settlement
from jobs.signals import count, opt_outs, signals
from jobs.turns import Turn, turn
from jobs.withdrawal import opt_out
from store import outbox, popups, receipts, suppressions
from store.suppressions import Source

log = structlog.get_logger()

KEPT = timedelta(hours=1)  # of answers nobody could write down; beyond it what fails so is taken for a fault of the answers


async def dispatch(house: House, chunk: int, channel: str, urgent: bool = False) -> int:
    """Send what is left of a chunk, block after block; returns how many messages were settled. urgent: all of it is important.

    A database that is away is waited for: with nothing in hand as long as the process runs, with answers for up to KEPT then, with
    what is not sent yet as long as its lease.
    """
    carrier = house.channels[channel]

    def running() -> bool:
        return not house.gate.closing.is_set()

    await wait_out(house.clock, house.clock.sync, "sync", running)
    settled = 0
    while running() and (accounts := house.of(channel)):
        rate = max(account.settings.rate for account in accounts)
        items = await wait_out(house.clock, partial(claim, house, carrier, chunk, rate), "claim", running)
        if items is None:
            break
        sent, back = await _deliver(house, carrier, items, urgent)
        settled += sent
        if back:
            break
    await wait_out(house.clock, partial(_hand_back, house, chunk), "hand_back", running)
    return settled


async def _hand_back(house: House, chunk: int) -> None:
    async with house.database.begin() as connection:
        await outbox.hand_back(connection, chunk)


async def _deliver(house: House, channel: Channel, items: list[Item], urgent: bool) -> tuple[int, bool]:
    """Turn after turn, until nothing of the block is left. How many were settled, and whether the rest had to go back."""
    now = house.clock.now()
    until, lapses, settled = now + patience(house.settings), now + lease(house.settings), 0

    def held() -> bool:
        return house.clock.now() < lapses

    def told() -> bool:
        return held() or (house.clock.now() < now + KEPT and not house.gate.closing.is_set())

    mute = [item for item in items if not item.envelopes]
    if mute:
        settled += await wait_out(house.clock, partial(_settle, house, channel, None, mute, [[] for _ in mute]), "settle", held)
        items = [item for item in items if item.envelopes]
    while items:
        its = await wait_out(house.clock, partial(turn, house, channel.name, items, urgent=urgent, until=until), "turn", held)
        items = await wait_out(house.clock, partial(still_wanted, house, channel.name, items), "look", held)
        if isinstance(its, datetime):
            why = "worker_stopped" if house.gate.closing.is_set() else "slow_down"
            await wait_out(house.clock, partial(give_back, house, items, its, why), "give_back", held)
            return settled, True
        answers = await send(house, its, items)
        gone, items = items[: len(answers)], items[len(answers) :]
        settle = partial(_settle, house, channel, its, gone, answers)
        try:
            settled += await wait_out(house.clock, partial(despite_deadlocks, settle), "settle", told)
        finally:
            house.tray.clear([item.row.id for item in gone])
    return settled, False


async def _settle(house: House, channel: Channel, its: Turn | None, items: Sequence[Item], answers: Sequence[Sequence[Answer]]) -> int:
    """its: the turn they went in, None for what nobody could send."""
    now, account = house.clock.now(), its.account.name if its else None
    results = [(item, item.fault or combine([answer.outcome for answer in given])) for item, given in zip(items, answers, strict=True)]
    attempts, dead = _attempts(items, answers, account)
    heard = domains.words((item.envelopes, outcome) for item, outcome in results)
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        categories = published.config.rules.categories if published else {}
        settlements = [
            settlement(
                item.row,
                outcome,
                now=max((answer.at for answer in given), default=now),
                resend=item.row.category in categories and categories[item.row.category].on_unknown == "resend",
                chance=house.chance,
                free=heard.free(outcome),
                doubted=doubtful([answer.outcome for answer in given]),
            )
            for (item, outcome), given in zip(results, answers, strict=True)
        ]
        ours = await outbox.settle(connection, settlements)
        if not await outbox.record_attempts(connection, attempts):
            log.info("block.settled_before", channel=channel.name, messages=len(items))
            return len(items)  # with all that follows from it
        await receipts.catch_up(connection, list(ours), now)
        await after_refusal(connection, zip((outcome for _, outcome in results), settlements, strict=True), ours, now)
        rows = [item.row for item in items]
        dead += await aftermath.of_answers(connection, channel, list(zip(rows, answers, strict=True)), now)
        await suppressions.drop_by_id(connection, dead, now)
        await opt_out(house, connection, opt_outs(channel.name, results), now, Source.PROVIDER)
        await popups.publish(connection, house.tray.of(ours), now)
        await domains.heed(connection, channel, heard, now)
        told = [(item, answer.outcome) for (item, _), given in zip(results, answers, strict=True) for answer in given]
        await platforms.heed(connection, channel.name, [outcome for _, outcome in told], now)
        if its is not None:
            await signals(house, connection, its, in_order(told), now)
            await count(connection, its, results, answers, now)
    _tell(channel.name, settlements, ours)
    return len(ours)


def _attempts(
    items: Sequence[Item], answers: Sequence[Sequence[Answer]], account: str | None
) -> tuple[list[outbox.Attempt], list[tuple[int, str, str]]]:
    """What is recorded of each envelope; and the addresses that are dead by the answers: (id, code, evidence)."""
    attempts: list[outbox.Attempt] = []
    dead: list[tuple[int, str, str]] = []
    for item, given in zip(items, answers, strict=True):
        for answer in given:
            kind, code, provider_id = outcome_row(answer.outcome)
            attempts.append(outbox.Attempt(item.row.id, answer.address_id, answer.at, kind, code, provider_id, account))
            if isinstance(answer.outcome, Rejected) and answer.outcome.drop_address and answer.address_id is not None:
                dead.append((answer.address_id, answer.outcome.code, f"message {item.row.id}"))
    return attempts, dead


def _tell(channel: str, settlements: Sequence[outbox.Settlement], ours: set[int]) -> None:
    for item in settlements:
        if item.message_id in ours and item.status != "sent":
            log.info(f"message.{item.status}", message_id=item.message_id, channel=channel, reason=item.reason)
    sent = sum(item.status == "sent" for item in settlements if item.message_id in ours)
    log.info("block.sent", channel=channel, sent=sent, messages=len(settlements))
    lost = [item.message_id for item in settlements if item.message_id not in ours]
    if lost:
        log.warning("message.fence_lost", channel=channel, message_ids=lost)
