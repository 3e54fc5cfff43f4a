"""procrastinate: the distributed engine. Its jobs are nudges, one a chunk; losing one costs a sweep, never a message."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from procrastinate import App

from config.settings import Settings
from jobs.connector import Connector
from jobs.dispatch import dispatch
from jobs.house import House
from jobs.leases import heartbeat, nudge_after
from jobs.pause import pause
from store.messages import urgent_queue

log = structlog.get_logger()

KEPT_FREE = 2  # chunks of important messages at work beside `concurrency` others
RESTART_AFTER = 2.0  # seconds between a worker's end and its successor
LETTING_GO = 5.0  # seconds to sign off once the grace is used up; a database that is away is not waited for


def make_app(house: House) -> App:
    """An app on the house's database with the one task there is. Open it before use."""
    app = App(connector=Connector(house.database.conninfo, house.gate.closing))

    @app.task(name="dispatch", pass_context=False)
    async def dispatch_chunk(chunk: int, channel: str, urgent: bool = False) -> None:
        with structlog.contextvars.bound_contextvars(chunk=chunk):
            await _until_over(house, chunk, asyncio.create_task(dispatch(house, chunk, channel, urgent)))

    return app


async def _until_over(house: House, chunk: int, sending: asyncio.Task[int]) -> None:
    """What is not settled when the grace is used up is let go: its lease runs out, and the sweep says what becomes of it."""
    over = asyncio.create_task(house.gate.over.wait())
    try:
        await asyncio.wait({sending, over}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await sending
        else:
            log.warning("chunk.let_go", chunk=chunk)
    finally:
        over.cancel()
        sending.cancel()


async def drain(app: App, channels: Sequence[str], concurrency: int) -> None:
    """Work until the queues are empty."""
    await app.run_worker_async(
        queues=_queues(channels),
        concurrency=concurrency,
        wait=False,
        install_signal_handlers=False,
        listen_notify=False,
        delete_jobs="always",
    )


async def work(house: House, app: App, stop: asyncio.Event) -> None:
    """Work until told to stop, then settle what is in flight within the grace. What is important finds hands free though all others
    are full of the rest."""
    urgent = [urgent_queue(channel) for channel in house.carried]
    workers = asyncio.gather(
        _keep_working(house, app, _queues(house.carried), house.settings.worker_concurrency, stop),
        _keep_working(house, app, urgent, KEPT_FREE, stop),
    )
    closing = asyncio.create_task(_close(house, stop))
    try:
        await workers
    finally:
        closing.cancel()


async def _close(house: House, stop: asyncio.Event) -> None:
    await stop.wait()
    house.gate.closing.set()
    await asyncio.sleep(house.settings.stop_grace)
    house.gate.over.set()


def _queues(channels: Sequence[str]) -> list[str]:
    return [*channels, *(urgent_queue(channel) for channel in channels)]


async def _keep_working(house: House, app: App, queues: Sequence[str], concurrency: int, stop: asyncio.Event) -> None:
    """A worker may end for a reason nobody thought of: it gets a successor."""
    while not stop.is_set():
        worker = asyncio.create_task(_worker(app, queues, concurrency, house.settings))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            worker.cancel()
            await asyncio.wait({worker}, timeout=house.settings.stop_grace + LETTING_GO)
            return
        stopping.cancel()
        error = worker.exception()
        log.error("worker.ended", error=repr(error) if error else "without an error", restart_after=RESTART_AFTER)
        await pause(stop, RESTART_AFTER)


async def _worker(app: App, queues: Sequence[str], concurrency: int, settings: Settings) -> None:
    await app.run_worker_async(
        queues=list(queues),
        concurrency=concurrency,
        wait=True,
        install_signal_handlers=False,
        delete_jobs="always",
        fetch_job_polling_interval=1.0,
        shutdown_graceful_timeout=settings.lease,  # a worker that ends by itself lets its chunks end; a stop has its own grace
        update_heartbeat_interval=heartbeat(settings),
        stalled_worker_timeout=nudge_after(settings).total_seconds(),
    )
