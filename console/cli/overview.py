"""What `kabar status` shows, as plain data with stable keys.

at            ISO 8601 UTC, like every time below; durations are in seconds
config        {version, hash, activated_at} of the configuration in force, null before the first
troubles      [{code, words, critical}]: what is wrong with the house, the worst first; /readyz says the same to whoever has a key
set_aside     [{kind, id, what, error, at}]: runs, events and receipts that could not be worked on, the newest 20
config_fault  [problem, …] while the configuration on disk is refused and the last good one stays in force, else null
runs          [{id, campaign, occurrence, status, reason, due_at, expires_at, messages, counts: {message status: n}}], open or recent;
              control_group: messages to people who get nothing on purpose, not counted as suppressed
reservoir     {channel: {queued, deferred, deferred_by_reason: {reason: n}, released, sending}}
accounts      [{account, channel, rate, share, sent_last_minute, next_free_at, open_until, failures, reason, breaker, latency, stopped_at}];
              open_until: nobody sends before; breaker: closed, open, half_open; latency: of answers, moving average, null = none yet;
              stopped_at: nobody sends until `kabar resume --account`
quotas        [{channel, people, used}]: how many different people in 24 hours the provider allows (null = any number), and were written to
slow_domains  [{channel, domain, until, strikes, reason}]: receiving domains that nothing goes to before `until`, at most 50
lag           {queued: how long the oldest message that may go now has waited, released: since the oldest was released}; null = none
backlog       {events, receipts}: stored, not yet worked on
ticks         [{name, last_ok_at, seconds_ago, last_error_at, last_error}]
halted        {why, of, at, words, queued, go_now} while everything is stopped because the database was restored, copied or is long out of
              date; of: its last sign of life before; go_now: how many would go at once if it were resumed; null = it is not
pauses        [{campaign, channel, reason, set_by, set_at}]
unknown_receipts {source: receipts that named a message nobody knew for an hour, ever}
stopped_platforms [{channel, platform, reason, set_at}]: its devices are left out
not_configured {channel: [variables it lacks in this environment]}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.catalog import Published
from jobs.house import House
from jobs.reservoir import held_for_approval
from rules.windows import Openings
from scheduler.reload import FAULT
from scheduler.troubles import troubles
from store import domains, identity, limits, overview, platforms, quota, set_aside, ticks, unheard, versions

DOMAINS = 50
ASIDE = 20


async def collect(house: House, not_configured: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Everything at one moment of the database."""
    async with house.database.begin() as connection:
        now = await house.clock.sync()
        version = await overview.version(connection)
        queued, outgoing = await overview.queued(connection), await overview.outgoing(connection)
        pauses = await versions.pauses(connection)
        found: dict[str, Any] = plain(
            {
                "at": now,
                "config": version and {"version": version.id, "hash": version.hash, "activated_at": version.activated_at},
                "troubles": [asdict(trouble) for trouble in await troubles(connection, now)],
                "set_aside": [asdict(item) for item in await set_aside.every(connection, ASIDE)],
                "config_fault": await ticks.fact(connection, FAULT),
                "runs": [asdict(run) for run in await overview.recent_runs(connection)],
                "reservoir": reservoir(queued, await overview.deferred(connection), outgoing),
                "accounts": await _accounts(connection, now),
                "quotas": [asdict(found) for found in await quota.every(connection, now)],
                "slow_domains": [{"channel": name, **asdict(found)} for name, found in await domains.every(connection, now, DOMAINS)],
                "lag": {
                    "queued": _seconds(now, await _oldest(house, connection, queued, pauses, now)),
                    "released": _seconds(now, min((since for *_, since in outgoing if since), default=None)),
                },
                "backlog": await overview.backlog(connection),
                "ticks": [{**asdict(tick), "seconds_ago": _seconds(now, tick.last_ok_at)} for tick in await ticks.every(connection)],
                "halted": await _halted(house, connection, queued, now),
                "pauses": [asdict(pause) for pause in pauses],
                "unknown_receipts": await unheard.total(connection),
                "stopped_platforms": [asdict(stop) for stop in await platforms.every(connection)],
                "not_configured": dict(not_configured),
            }
        )
        return found


async def _halted(house: House, connection: AsyncConnection, queued: Sequence[overview.Waiting], now: datetime) -> dict[str, Any] | None:
    halt = await identity.halted(connection)
    if halt is None:
        return None
    free = await _free(house, connection, queued, [pause for pause in await versions.pauses(connection) if pause.campaign or pause.channel])
    published = await house.catalog.newest(connection)
    open_now = [each.n for each in free if published and (since := _eligible(published, each, now)) and since <= now]
    return {**asdict(halt), "words": halt.words, "queued": sum(each.n for each in queued), "go_now": sum(open_now)}


def reservoir(
    queued: Iterable[overview.Waiting],
    deferred: Iterable[tuple[str, str, int]],
    outgoing: Iterable[tuple[str, str, int, datetime | None]],
) -> dict[str, dict[str, Any]]:
    """What is on its way, by channel."""
    counts: Counter[tuple[str, str]] = Counter()
    reasons: dict[str, Counter[str]] = {}
    for waiting in queued:
        counts[waiting.channel, "queued"] += waiting.n
    for channel, reason, n in deferred:
        counts[channel, "deferred"] += n
        # What follows the first two words of a reason is a number or a name of its own: thousands of them help nobody.
        reasons.setdefault(channel, Counter())[":".join(reason.split(":")[:2])] += n
    for channel, status, n, _ in outgoing:
        counts[channel, status] += n
    return {
        channel: {
            "queued": counts[channel, "queued"],
            "deferred": counts[channel, "deferred"],
            "deferred_by_reason": dict(reasons.get(channel, Counter()).most_common()),
            "released": counts[channel, "released"],
            "sending": counts[channel, "sending"],
        }
        for channel in sorted({channel for channel, _ in counts})
    }


async def _accounts(connection: AsyncConnection, now: datetime) -> list[dict[str, Any]]:
    sent = await overview.sent_last_minute(connection, now)
    return [{**asdict(limit), "sent_last_minute": sent.get(limit.account, 0)} for limit in await limits.every(connection)]


async def _oldest(
    house: House, connection: AsyncConnection, queued: Iterable[overview.Waiting], pauses: Iterable[versions.Pause], now: datetime
) -> datetime | None:
    """Since when the oldest message has waited that nothing holds back: its window is open, it is not paused, it is approved."""
    published = await house.catalog.newest(connection)
    if published is None:
        return None
    since = [_eligible(published, waiting, now) for waiting in await _free(house, connection, queued, pauses)]
    return min((moment for moment in since if moment is not None), default=None)


async def _free(
    house: House, connection: AsyncConnection, queued: Iterable[overview.Waiting], pauses: Iterable[versions.Pause]
) -> list[overview.Waiting]:
    """Neither stopped by one of these nor short of an approval."""
    published = await house.catalog.newest(connection)
    approved = await versions.approvals(connection)
    stops = tuple(pauses)
    return [
        waiting
        for waiting in queued
        if published is not None
        and not any(stop.holds(waiting.campaign, waiting.channel) for stop in stops)
        and not held_for_approval(published, waiting.category, waiting.campaign, waiting.content_hash, approved)
    ]


def _eligible(published: Published, waiting: overview.Waiting, now: datetime) -> datetime | None:
    if "window" in published.policy.category(waiting.category).ignore:
        return waiting.since
    _, hours, zone = published.window(waiting.window_key)
    try:
        opening = Openings(published.calendar, zone, [(hours,)]).opening(now) if hours else None
    except (KeyError, ValueError, OSError):  # a zone nobody knows: the valve is about to set its people aside
        return None
    return max(waiting.since, opening[0]) if opening and opening[0] <= now else None


def _seconds(now: datetime, since: datetime | None) -> float | None:
    return None if since is None else round((now - since).total_seconds(), 1)


def plain(value: Any) -> Any:
    """Times as ISO 8601 in UTC, all the way down."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
