"""The daemon: APScheduler keeps time for the ticks, NOTIFY brings them forward, a stop settles what is in flight."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
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
from scheduler.ticks import Tick, every_tick, guarded

log = structlog.get_logger()

RELOAD_SECONDS = 2
RECONNECT_AFTER = 2.0
NUDGED = {"event": ("events", "valve"), "receipt": ("receipts",)}  # the last of each is not waited for


def stop_on_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; a second one ends the process at once, which is safe: leases run out."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def first(number: signal.Signals) -> None:
        log.info("daemon.stopping", signal=number.name)
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
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
    for tick in ticks:
        keeper.add_job(tick.run, "interval", seconds=tick.seconds, args=[house], id=tick.name)
    if config_dir is not None:
        watch = Watch(config_dir)
        keeper.add_job(guarded, "interval", seconds=RELOAD_SECONDS, args=[house, "reload", lambda h, _now: watch.look(h)], id="reload")
    keeper.start()
    log.info("scheduler.started", ticks=[tick.name for tick in ticks])
    listener = asyncio.create_task(_listen(house, ticks))
    try:
        await stop.wait()
    finally:
        listener.cancel()
        keeper.shutdown(wait=False)
        for tick in ticks:
            async with tick.lock:  # a tick under way ends with its transaction
                continue
        await asyncio.gather(listener, return_exceptions=True)
    log.info("scheduler.stopped")


async def _listen(house: House, ticks: Sequence[Tick]) -> None:
    """NOTIFY kabar brings a tick forward; without it the next round comes within its seconds anyway."""
    by_name = {tick.name: tick for tick in ticks}
    under_way: set[asyncio.Task[bool]] = set()
    while True:
        with suppress(psycopg.Error, OSError):
            async with await psycopg.AsyncConnection.connect(house.database.conninfo, autocommit=True) as connection:
                await connection.execute("LISTEN kabar")
                async for note in connection.notifies():
                    *before, last = NUDGED.get(note.payload, ("valve",))
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
        await asyncio.gather(work(app, house.carried, house.settings, stop), follow_accounts(house, stop))
    log.info("worker.stopped")
