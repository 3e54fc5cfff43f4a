"""What is wrong with the house as a whole, by what the database knows: for /readyz, /healthz, /metrics and `kabar status` alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.firing import FAULTS
from scheduler.reload import FAULT
from scheduler.ticks import every_tick
from store import overview, set_aside, ticks, versions
from store.ticks import Tick

STALE = timedelta(seconds=60)
RECEIPTS_TOLD = timedelta(hours=1)  # one that nobody can read is no state that lasts; a provider's new format goes on making new ones
WORKER = "worker"  # the sign of life of every worker that has channels, kept among the ticks
CODES = ("scheduler_silent", "tick_failing", "worker_idle", "workers_silent", "config_refused", "campaign_not_fired", "set_aside")


@dataclass(frozen=True, slots=True)
class Trouble:
    """code: one of CODES. words: for people, with the way out. critical: nothing new goes out because of it."""

    code: str
    words: str
    critical: bool = False


async def troubles(connection: AsyncConnection, now: datetime) -> list[Trouble]:
    """The worst first."""
    found = {tick.name: tick for tick in await ticks.every(connection)}
    published = await versions.newest(connection) is not None
    out = [since for _, status, _, since in await overview.outgoing(connection) if status == "released" and since is not None]
    every = [
        *_silent(found, now, published),
        *_failing(found, now),
        *_workers(found.get(WORKER), min(out, default=None), now),
        *_refused(await ticks.fact(connection, FAULT), await ticks.fact(connection, FAULTS)),
        *_aside(await set_aside.counts(connection, now - RECEIPTS_TOLD)),
    ]
    return sorted(every, key=lambda trouble: not trouble.critical)


def _silent(found: Mapping[str, Tick], now: datetime, published: bool) -> Iterator[Trouble]:
    core = [found.get(tick.name) for tick in every_tick() if tick.core]
    lived = [at for tick in core if tick is not None for at in (tick.last_ok_at, tick.last_error_at, tick.at_work_at) if at]
    if published and (not lived or now - max(lived) > STALE):
        since = f"since {max(lived):%Y-%m-%d %H:%M:%S} UTC" if lived else "ever"
        yield Trouble("scheduler_silent", f"no scheduler was at work {since}; is `kabar scheduler` or `kabar up` running?", critical=True)


def _failing(found: Mapping[str, Tick], now: datetime) -> Iterator[Trouble]:
    seconds = {tick.name: tick.seconds for tick in every_tick()}
    core = {tick.name for tick in every_tick() if tick.core}
    for tick in found.values():
        if tick.name == WORKER or tick.last_error_at is None or (tick.last_ok_at is not None and tick.last_ok_at >= tick.last_error_at):
            continue
        patience = STALE + timedelta(seconds=seconds.get(tick.name, 0))
        if tick.last_ok_at is None or now - tick.last_ok_at > patience:
            since = f"since {tick.last_ok_at:%Y-%m-%d %H:%M:%S} UTC" if tick.last_ok_at else "from the first round on"
            words = f"the tick {tick.name} fails {since}: {tick.last_error}; see tick.failed in the log"
            yield Trouble("tick_failing", words, critical=tick.name in core)


def _workers(worker: Tick | None, released: datetime | None, now: datetime) -> Iterator[Trouble]:
    seen = worker.last_ok_at if worker else None
    if worker and worker.last_error_at is not None and now - worker.last_error_at <= STALE:
        yield Trouble("worker_idle", f"a worker sends nothing: {worker.last_error}; set its KABAR_<CHANNEL>__… and start it anew")
    if released is not None and now - released > STALE and (seen is None or now - seen > STALE):
        last = f"the last one was seen {seen:%Y-%m-%d %H:%M:%S} UTC" if seen else "none was ever seen"
        yield Trouble("workers_silent", f"messages are released and no worker lives: {last}; is `kabar worker` running?", critical=True)


def _refused(config: Sequence[str] | None, firing: Mapping[str, Any] | None) -> Iterator[Trouble]:
    if config:
        yield Trouble("config_refused", f"the configuration on disk is refused, the last good one stays: {config[0]}; `kabar check`")
    for name, why in (firing or {}).items():
        yield Trouble("campaign_not_fired", f"campaign {name} cannot be fired: {why}")


def _aside(counts: Mapping[str, int]) -> Iterator[Trouble]:
    if any(counts.values()):
        words = ", ".join(f"{n:,} {kind}" for kind, n in counts.items() if n)
        yield Trouble("set_aside", f"could not be worked on and was set aside: {words}; `kabar status` lists what, the log says why")
