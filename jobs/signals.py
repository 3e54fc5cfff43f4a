"""What answers say beyond their own message: opt-outs, stops, slow-downs, and whether the provider is alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Outcome, Rejected, Retry, Unknown
from channels.signals import HoldPerson, SlowDown, StopCampaign, StopChannel
from jobs.blocks import Item
from jobs.house import House
from jobs.sends import Answer
from jobs.settlement import outcome_row
from jobs.turns import Turn
from store import breaker, limits, versions

log = structlog.get_logger()

# Until every process has read of the stop. Longer, and whoever lifts it at once would find workers who take turns and use none.
UNTIL_READ = timedelta(seconds=2)


def opt_outs(channel: str, results: Sequence[tuple[Item, Outcome]]) -> list[tuple[int, str, str]]:
    return [
        (item.row.person_id, channel, f"provider:{outcome.code}")
        for item, outcome in results
        if isinstance(outcome, Rejected) and outcome.opted_out
    ]


async def signals(house: House, connection: AsyncConnection, its: Turn, results: Sequence[tuple[Item, Outcome]], now: datetime) -> None:
    """Stops, of each device, each acted on once a block, and slow-downs that could not be written down when they were heard."""
    seen: set[object] = set()
    channel = its.account.channel.name
    for item, outcome in results:
        match outcome.signal:
            case SlowDown(after, None) if "slow" not in seen:
                seen.add("slow")
                await limits.slow_down(connection, its.account.name, after, outcome_row(outcome)[1] or "", now)
                if outcome.signal.alert:
                    log.error("account.quality", account=its.account.name, code=outcome_row(outcome)[1])
            case StopCampaign(code) if item.row.campaign not in seen:
                seen.add(item.row.campaign)
                what = "the digest" if item.speech and item.speech.carried else "the content"
                await _stop(connection, item.row.campaign, channel, f"provider refused {what}: {code}", now)
            case StopChannel(code, None) if "stop" not in seen:
                seen.add("stop")
                await _stop_account(house, connection, its, f"provider refused the account: {code}", now)
            case _:
                continue


async def _stop_account(house: House, connection: AsyncConnection, its: Turn, reason: str, now: datetime) -> None:
    """The channel goes on by its other accounts, and stops with the last of them."""
    account, channel = its.account.name, its.account.channel.name
    house.gate.hear(account, now + UNTIL_READ)
    if await limits.stop(connection, account, channel, reason, now):
        log.error("account.stopped", account=account, channel=channel, reason=reason)
    elif not await limits.others(connection, account, channel):
        await _stop(connection, None, channel, reason, now)


async def _stop(connection: AsyncConnection, campaign: str | None, channel: str, reason: str, now: datetime) -> None:
    if await versions.pause(connection, campaign=campaign, channel=channel, reason=reason, by="kabar", now=now):
        log.error("channel.stopped" if campaign is None else "campaign.stopped", campaign=campaign, channel=channel, reason=reason)


async def count(
    connection: AsyncConnection, its: Turn, results: Sequence[tuple[Item, Outcome]], answers: Sequence[Sequence[Answer]], now: datetime
) -> None:
    """The breaker's part of a settled turn. Of all workers, the one whose answers changed its state says so."""
    answered = [outcome for item, outcome in results if item.envelopes and not _asks_for_less(outcome)]
    bad = [outcome for outcome in answered if isinstance(outcome, Retry | Unknown) and not _about_others(outcome)]
    took = [answer.took.total_seconds() for given in answers for answer in given]
    waited = [answer.took.total_seconds() for given in answers for answer in given if isinstance(answer.outcome, Retry | Unknown)]
    told = breaker.Count(
        len(answered) - len(bad),
        len(bad),
        sum(took, 0.0) / len(took) if took else None,
        f"breaker:{bad[-1].code}" if bad else "",
        waited=min(waited, default=0.0),
    )
    became = await breaker.settled(connection, its.account.name, told, probe=its.lease.probe, now=now)
    if became is None or became.before == became.after:
        return
    if became.after == "open" and became.open_until is not None:
        pause = (became.open_until - now).total_seconds()
        log.error("account.breaker_open", account=its.account.name, failures=became.failures, seconds=pause, code=bad[-1].code)
    elif became.after == "closed":
        log.info("account.breaker_closed", account=its.account.name)


def _asks_for_less(outcome: Outcome) -> bool:
    """The account has its pause by that: it is neither well nor ill."""
    return isinstance(outcome.signal, SlowDown) and outcome.signal.domain is None


def _about_others(outcome: Outcome) -> bool:
    """A word about one receiving domain or one person proves the provider alive, as a refusal does."""
    return isinstance(outcome.signal, SlowDown | HoldPerson)
