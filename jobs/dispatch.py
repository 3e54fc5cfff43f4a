"""Dispatch: a released chunk is claimed, committed, sent, settled. Nothing about timing is decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Address, Envelope, Outcome, Rejected, Retry, Unknown
from channels.signals import SlowDown, StopCampaign, StopChannel
from config.templating import RenderError
from jobs import aftermath, digests, domains, platforms
from jobs.holding import free_people, let_go, preferred
from jobs.house import Account, House
from jobs.moving_on import after_refusal
from jobs.render import Renderer
from jobs.settlement import combine, doubtful, outcome_row, settlement
from jobs.withdrawal import opt_out
from store import digests as store_digests
from store import limits, outbox, popups, receipts, suppressions, versions
from store.suppressions import Source

log = structlog.get_logger()

LEASE = timedelta(seconds=120)
BLOCK_SECONDS = 0.1  # of the account's rate, claimed and paced at once: short enough to stay fair, long enough to batch
BLOCK = (10, 250)
LONGEST_WAIT = timedelta(seconds=20)  # a block that would wait longer for its turn goes back instead
ASK_AGAIN = timedelta(seconds=0.5)  # a block that waits longer is asked once more whether it was paused meanwhile
BREAKER = 20  # failures in a row that stop an account for a while
BREAKER_PAUSE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Item:
    """A claimed message with its envelopes (one for each address), or why there is none. speech: with what it carries."""

    row: Any
    envelopes: tuple[Envelope, ...]
    fault: Outcome | None = None
    speech: digests.Speech | None = None

    @property
    def campaigns(self) -> tuple[str, ...]:
        """Its own, and those of what it carries."""
        return (self.row.campaign, *(rider.campaign for rider in (self.speech.carried if self.speech else ())))


@dataclass(frozen=True, slots=True)
class Answer:
    address_id: int | None
    at: datetime
    outcome: Outcome


async def dispatch(house: House, chunk: int, channel: str) -> int:
    """Send what is left of a chunk, block after block; returns how many messages were settled."""
    account = house.accounts[channel]
    await house.clock.sync()
    settled = 0
    while True:
        items, grant = await _claim(house, account, chunk)
        if grant is None:
            break
        wait = grant.start - house.clock.now()
        if wait > LONGEST_WAIT:
            await _give_back(house, items, grant.start, "slow_down")
            break
        if wait > ASK_AGAIN:
            await house.clock.sleep(wait.total_seconds())
            items = await _still_wanted(house, account, items)
        answers = await _send(house, account, items, grant)
        settled += await _settle(house, account, items, answers)
    async with house.database.begin() as connection:
        await outbox.hand_back(connection, chunk)
    return settled


async def _claim(house: House, account: Account, chunk: int) -> tuple[list[Item], limits.Grant | None]:
    now = house.clock.now()
    size = min(max(int(account.settings.rate * BLOCK_SECONDS), BLOCK[0]), BLOCK[1])
    async with house.database.begin() as connection:
        offers = await _offers(house, connection)
        rows = await outbox.claim(
            connection,
            chunk=chunk,
            limit=size,
            sort=account.channel.addresses,
            offers=offers,
            now=now,
            lease_until=now + LEASE,
        )
        if not rows:
            return [], None
        sending = [row for row in rows if row.status == "sending"]
        sending = await domains.let_through(house, connection, account.channel, sending, now)
        sending = await platforms.let_through(connection, sending, now)
        sending = await free_people(connection, account.channel, sending, offers, now, now + LEASE)
        riders = await store_digests.carried(connection, [row.id for row in sending], now)
        renderer = Renderer(house, {row.version_id: await house.catalog.version(connection, row.version_id) for row in (*rows, *riders)})
        carried = {carrier: list(group) for carrier, group in groupby(riders, key=attrgetter("carrier_id"))}
        items = [_item(account, renderer, row, carried.get(row.id, ()), now) for row in sending]
        left_out = [message for item in items if item.speech for message in item.speech.left_out]
        await store_digests.put_back(connection, left_out, now)
        requests = sum(len(item.envelopes) for item in items)
        grant = await limits.take(connection, account.name, requests, now)
    for row in rows:
        if row.status != "sending":
            log.info("message.set_aside", message_id=row.id, run_id=row.run_id, status=row.status)
    return items, grant


async def _offers(house: House, connection: AsyncConnection) -> list[str]:
    published = await house.catalog.newest(connection)
    categories = published.config.rules.categories if published else {}
    return [name for name, category in categories.items() if category.offer]


def _item(account: Account, renderer: Renderer, row: Any, riders: Sequence[Any], now: datetime) -> Item:
    addresses: Sequence[Address | None] = [None]
    if account.channel.addresses is not None:
        addresses = preferred(account.channel, [Address(*values) for values in row.addresses])
        if not addresses:
            return Item(row, (), Rejected("no_address", unreachable=True))
    try:
        said = digests.speech(renderer, row, account.channel, riders)
        return Item(row, tuple(renderer.envelope(row, account.channel, address, now, said.content) for address in addresses), speech=said)
    except RenderError as error:
        log.warning("message.render_failed", message_id=row.id, run_id=row.run_id, error=str(error))
        return Item(row, (), Rejected("render_error", detail=str(error)))


async def _still_wanted(house: House, account: Account, items: Sequence[Item]) -> list[Item]:
    """Without what was paused while the block waited for its turn; that goes back."""
    async with house.database.begin() as connection:
        pauses = await versions.pauses(connection)
    held = [item for item in items if any(pause.holds(name, account.channel.name) for pause in pauses for name in item.campaigns)]
    if held:
        await _give_back(house, held, house.clock.now(), "paused")
    return [item for item in items if item not in held]


async def _give_back(house: House, items: Sequence[Item], until: datetime, why: str) -> None:
    now = house.clock.now()
    back = [outbox.Settlement(item.row.id, item.row.fence, "deferred", now, why, next_attempt_at=until, uncounted=1) for item in items]
    async with house.database.begin() as connection:
        await outbox.settle(connection, back)
        if items:
            await let_go(connection, house.channels[items[0].row.channel], [item.row for item in items], now)


async def _send(house: House, account: Account, items: Sequence[Item], grant: limits.Grant) -> list[list[Answer]]:
    """Every envelope at its own moment, 1/rate apart; answers in the order of the items."""
    tasks: list[list[asyncio.Task[Answer]]] = []
    slot = 0
    for item in items:
        sends = []
        for envelope in item.envelopes:
            await _until(house, grant.start + timedelta(seconds=slot / grant.rate))
            sends.append(asyncio.create_task(_one(house, account, envelope)))
            slot += 1
        tasks.append(sends)
    return [[await task for task in sends] for sends in tasks]


async def _until(house: House, at: datetime) -> None:
    wait = (at - house.clock.now()).total_seconds()
    if wait > 0.002:  # finer than a loop can sleep
        await house.clock.sleep(wait)


async def _one(house: House, account: Account, envelope: Envelope) -> Answer:
    address_id = envelope.address.id if envelope.address else None
    try:
        outcome = await account.adapter.send(envelope)
    except Exception as error:
        # An adapter must not raise; if it does, nothing is known of this message, and the others go on.
        log.exception("message.adapter_raised", message_id=envelope.message_id, channel=account.channel.name)
        outcome = Unknown("adapter_error", detail=type(error).__name__)
    return Answer(address_id, house.clock.now(), outcome)


async def _settle(house: House, account: Account, items: Sequence[Item], answers: Sequence[Sequence[Answer]]) -> int:
    now = house.clock.now()
    results: list[tuple[Item, Outcome]] = []
    attempts: list[outbox.Attempt] = []
    dead: list[tuple[int, str, str]] = []
    for item, given in zip(items, answers, strict=True):
        results.append((item, item.fault or combine([answer.outcome for answer in given])))
        for answer in given:
            kind, code, provider_id = outcome_row(answer.outcome)
            attempts.append(outbox.Attempt(item.row.id, answer.address_id, answer.at, kind, code, provider_id))
            if isinstance(answer.outcome, Rejected) and answer.outcome.drop_address and answer.address_id is not None:
                dead.append((answer.address_id, answer.outcome.code, f"message {item.row.id}"))
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
        await receipts.catch_up(connection, list(ours), now)
        await after_refusal(connection, zip((outcome for _, outcome in results), settlements, strict=True), ours, now)
        await outbox.record_attempts(connection, attempts)
        rows = [item.row for item in items]
        dead += await aftermath.of_answers(connection, account.channel, list(zip(rows, answers, strict=True)), now)
        await suppressions.drop_by_id(connection, dead, now)
        await opt_out(house, connection, _opt_outs(account, results), now, Source.PROVIDER)
        await popups.publish(connection, house.tray.take(ours, [item.row.id for item in items]), now)
        await domains.heed(connection, account.channel, heard, now)
        told = [(item, answer.outcome) for (item, _), given in zip(results, answers, strict=True) for answer in given]
        await platforms.heed(connection, account.channel.name, [outcome for _, outcome in told], now)
        await _signals(house, connection, account, told, now)
        await _count(house, connection, account, results, now)
    _tell(account, settlements, ours)
    return len(ours)


def _opt_outs(account: Account, results: Sequence[tuple[Item, Outcome]]) -> list[tuple[int, str, str]]:
    return [
        (item.row.person_id, account.channel.name, f"provider:{outcome.code}")
        for item, outcome in results
        if isinstance(outcome, Rejected) and outcome.opted_out
    ]


async def _signals(
    house: House, connection: AsyncConnection, account: Account, results: Sequence[tuple[Item, Outcome]], now: datetime
) -> None:
    """What an answer says beyond its own message, that of each device; each kind acted on once a block."""
    seen: set[object] = set()
    for item, outcome in results:
        match outcome.signal:
            case SlowDown(after, None) if "slow" not in seen:
                seen.add("slow")
                await limits.slow_down(connection, account.name, after, outcome_row(outcome)[1] or "", now)
                log.warning("account.slow_down", account=account.name, seconds=after.total_seconds())
                if outcome.signal.alert:
                    log.error("account.quality", account=account.name, code=outcome_row(outcome)[1])
            case StopCampaign(code) if item.row.campaign not in seen:
                seen.add(item.row.campaign)
                what = "the digest" if item.speech and item.speech.carried else "the content"
                await _stop(connection, item.row.campaign, account.channel.name, f"provider refused {what}: {code}", now)
            case StopChannel(code, None) if "stop" not in seen:
                seen.add("stop")
                await _stop(connection, None, account.channel.name, f"provider refused the account: {code}", now)
            case _:
                continue


async def _stop(connection: AsyncConnection, campaign: str | None, channel: str, reason: str, now: datetime) -> None:
    if await versions.pause(connection, campaign=campaign, channel=channel, reason=reason, by="kabar", now=now):
        log.error("channel.stopped" if campaign is None else "campaign.stopped", campaign=campaign, channel=channel, reason=reason)


async def _count(
    house: House, connection: AsyncConnection, account: Account, results: Sequence[tuple[Item, Outcome]], now: datetime
) -> None:
    # A refusal proves the provider alive, and so does a word about one receiving domain; only silence and its own troubles
    # count against it.
    answered = [outcome for item, outcome in results if item.envelopes]
    bad = sum(isinstance(outcome, Retry | Unknown) and not domains.about_a_domain(outcome) for outcome in answered)
    failures = await limits.settled(connection, account.name, ok=len(answered) - bad, bad=bad, now=now)
    if failures >= BREAKER and bad:
        await limits.slow_down(connection, account.name, BREAKER_PAUSE, "breaker", now)
        log.error("account.breaker_open", account=account.name, failures=failures, seconds=BREAKER_PAUSE.total_seconds())


def _tell(account: Account, settlements: Sequence[outbox.Settlement], ours: set[int]) -> None:
    for item in settlements:
        if item.message_id in ours and item.status != "sent":
            log.info(f"message.{item.status}", message_id=item.message_id, channel=account.channel.name, reason=item.reason)
    sent = sum(item.status == "sent" for item in settlements if item.message_id in ours)
    log.info("block.sent", channel=account.channel.name, sent=sent, messages=len(settlements))
    lost = [item.message_id for item in settlements if item.message_id not in ours]
    if lost:
        log.warning("message.fence_lost", channel=account.channel.name, message_ids=lost)
