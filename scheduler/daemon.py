"""The daemon: each tick keeps its own time, NOTIFY brings it forward, a stop settles what is in flight."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from jobs.house import House
from jobs.leases import heartbeat
from jobs.pause import pause
from jobs.queue import make_app, work
from scheduler.accounts import follow_accounts
from scheduler.reload import Watch
from scheduler.ticks import Tick, every_tick
from scheduler.troubles import WORKER
from store import ticks as record
from store.connection import hear

log = structlog.get_logger()

RELOAD_SECONDS = 2
RECONNECT_AFTER = 2.0
ALIVE_SECONDS = 10.0
IDLE = "no channel is configured"
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
    if config_dir is not None:
        watch = Watch(config_dir)
        ticks = (*ticks, Tick("reload", RELOAD_SECONDS, lambda house, _now: watch.look(house), limit=60))
    for tick in ticks:
        if tick.core:
            house.vitals.expect(tick.name)
    log.info("scheduler.started", ticks=[tick.name for tick in ticks])
    at_work = [asyncio.create_task(tick.keep_running(house, stop), name=tick.name) for tick in ticks]
    listener = asyncio.create_task(_listen(house, ticks), name="listener")
    try:
        await stop.wait()
    finally:
        listener.cancel()
        # What is under way ends with its transaction; when the grace is used up it is rolled back, and whoever ticks next does it again.
        _, late = await asyncio.wait({*at_work, listener}, timeout=house.settings.stop_grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*at_work, listener, return_exceptions=True)
        if late:
            log.warning("scheduler.cut_short", ticks=len(late))
    log.info("scheduler.stopped")


async def _listen(house: House, ticks: Sequence[Tick]) -> None:
    """NOTIFY kabar brings a tick forward; without it the next round comes within its seconds anyway."""
    by_name = {tick.name: tick for tick in ticks}
    under_way: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                async with aclosing(hear(house.database.conninfo, "kabar")) as told:
                    async for payload in told:
                        nudged = [by_name[name] for name in NUDGED.get(payload or "", ("valve",))]
                        under_way.add(task := asyncio.create_task(_in_turn(house, nudged)))
                        task.add_done_callback(under_way.discard)
            except Exception as error:  # whatever it is: without it everything waits for its round
                log.warning("listener.lost", reconnect_after=RECONNECT_AFTER, error=type(error).__name__)
            await asyncio.sleep(RECONNECT_AFTER)
    finally:
        await asyncio.gather(*under_way, return_exceptions=True)


async def _in_turn(house: House, ticks: Sequence[Tick]) -> None:
    for tick in ticks:
        await tick.run(house)


async def _alive(house: House, now: datetime) -> None:
    """A worker's sign of life is that this round is recorded."""


async def _tell_idle(house: House) -> None:
    with suppress(SQLAlchemyError, OSError):  # told again in a moment
        now = await house.clock.sync()
        async with house.database.begin() as connection:
            await record.failed(connection, WORKER, IDLE, now)


async def run_worker(house: House, stop: asyncio.Event) -> None:
    """Send until told to stop; what is in flight then is settled within the grace."""
    if not house.accounts:
        log.error("worker.idle", why=IDLE)
        while not stop.is_set():
            await _tell_idle(house)
            await pause(stop, ALIVE_SECONDS)
        return
    house.vitals.expect(WORKER)
    app = make_app(house)
    async with app.open_async():
        log.info("worker.started", channels=house.carried, accounts=sorted(house.accounts))
        await asyncio.gather(
            work(house, app, stop),
            follow_accounts(house, stop),
            Tick(WORKER, ALIVE_SECONDS, _alive, limit=30).keep_running(house, stop),
        )
    log.info("worker.stopped")
