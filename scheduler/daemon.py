"""The daemon: APScheduler keeps time for the ticks, NOTIFY brings them forward, a stop settles what is in flight."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import aclosing, suppress
from pathlib import Path

import psycopg
import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from jobs.house import House
from jobs.leases import heartbeat
from jobs.queue import make_app, work
from scheduler.accounts import follow_accounts
from scheduler.reload import Watch
from scheduler.ticks import Tick, every_tick
from store.connection import hear

log = structlog.get_logger()

RELOAD_SECONDS = 2
RECONNECT_AFTER = 2.0
NUDGED = {"event": ("events", "valve"), "receipt": ("receipts",)}  # the last of each is not waited for


def stop_on_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; a second one, of either, ends the process at once, which is safe: leases run out."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def first(number: signal.Signals) -> None:
        log.info("daemon.stopping", signal=number.name)
        stop.set()
        for each in numbers:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    for number in numbers:
        loop.add_signal_handler(number, first, number)
    return stop


async def run_scheduler(house: House, config_dir: Path | None, stop: asyncio.Event) -> None:
    """Tick until told to stop. config_dir: the directory to watch, None when another process publishes."""
    ticks = every_tick(heartbeat(house.settings))
    keeper = AsyncIOScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={"default": AsyncIOExecutor()},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    every = list(ticks)
    if config_dir is not None:
        watch = Watch(config_dir)
        every.append(Tick("reload", RELOAD_SECONDS, lambda house, _now: watch.look(house)))
    for tick in every:
        keeper.add_job(tick.run, "interval", seconds=tick.seconds, args=[house], id=tick.name)
    keeper.start()
    log.info("scheduler.started", ticks=[tick.name for tick in ticks])
    listener = asyncio.create_task(_listen(house, ticks))
    try:
        await stop.wait()
    finally:
        listener.cancel()
        # A shutdown would cancel what is under way: first it ends with its transaction, and so does its next round, which is let out.
        keeper.pause()
        await _idle(every, house.settings.stop_grace)
        keeper.shutdown(wait=False)
        await asyncio.gather(listener, return_exceptions=True)
    log.info("scheduler.stopped")


async def _idle(ticks: Sequence[Tick], grace: float) -> None:
    """Once no tick is under way, or the grace is used up: then its transaction is rolled back."""
    ending = [asyncio.create_task(tick.end()) for tick in ticks]
    _, late = await asyncio.wait(ending, timeout=grace)
    for task in late:
        task.cancel()
    if late:
        log.warning("scheduler.cut_short", ticks=len(late))


async def _listen(house: House, ticks: Sequence[Tick]) -> None:
    """NOTIFY kabar brings a tick forward; without it the next round comes within its seconds anyway."""
    by_name = {tick.name: tick for tick in ticks}
    under_way: set[asyncio.Task[bool]] = set()
    while True:
        with suppress(psycopg.Error, OSError):
            async with aclosing(hear(house.database.conninfo, "kabar")) as told:
                async for payload in told:
                    *before, last = NUDGED.get(payload or "", ("valve",))
                    for name in before:
                        await by_name[name].run(house)
                    under_way.add(task := asyncio.create_task(by_name[last].run(house)))
                    task.add_done_callback(under_way.discard)
        log.warning("listener.lost", reconnect_after=RECONNECT_AFTER)
        await asyncio.sleep(RECONNECT_AFTER)


async def run_worker(house: House, stop: asyncio.Event) -> None:
    """Send until told to stop; what is in flight then is settled within the grace."""
    if not house.accounts:
        log.error("worker.idle", why="no channel is configured")
        await stop.wait()
        return
    app = make_app(house)
    async with app.open_async():
        log.info("worker.started", channels=house.carried, accounts=sorted(house.accounts))
        await asyncio.gather(work(house, app, stop), follow_accounts(house, stop))
    log.info("worker.stopped")
