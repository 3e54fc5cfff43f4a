"""procrastinate: the distributed engine. Its jobs are nudges, one a chunk; losing one costs a sweep, never a message."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from procrastinate import App, PsycopgConnector

from config.settings import Settings
from jobs.dispatch import dispatch
from jobs.house import House
from jobs.leases import heartbeat, nudge_after
from jobs.pause import pause
from store.messages import urgent_queue

log = structlog.get_logger()

KEPT_FREE = 2  # chunks of important messages at work beside `concurrency` others
RESTART_AFTER = 2.0  # seconds between a worker's end and its successor


def make_app(house: House) -> App:
    """An app on the house's database with the one task there is. Open it before use."""
    app = App(connector=PsycopgConnector(conninfo=house.database.conninfo, min_size=1, max_size=6))

    @app.task(name="dispatch", pass_context=False)
    async def dispatch_chunk(chunk: int, channel: str, urgent: bool = False) -> None:
        with structlog.contextvars.bound_contextvars(chunk=chunk):
            await dispatch(house, chunk, channel, urgent)

    return app


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


async def work(app: App, channels: Sequence[str], settings: Settings, stop: asyncio.Event) -> None:
    """Work until told to stop. What is important finds hands free though all others are full of the rest."""
    urgent = [urgent_queue(channel) for channel in channels]
    await asyncio.gather(
        _keep_working(app, _queues(channels), settings.worker_concurrency, settings, stop),
        _keep_working(app, urgent, KEPT_FREE, settings, stop),
    )


def _queues(channels: Sequence[str]) -> list[str]:
    return [*channels, *(urgent_queue(channel) for channel in channels)]


async def _keep_working(app: App, queues: Sequence[str], concurrency: int, settings: Settings, stop: asyncio.Event) -> None:
    """A worker ends on a database outage, sometimes without an error: it gets a successor."""
    while not stop.is_set():
        worker = asyncio.create_task(_worker(app, queues, concurrency, settings))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
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
        shutdown_graceful_timeout=settings.stop_grace,
        update_heartbeat_interval=heartbeat(settings),
        stalled_worker_timeout=nudge_after(settings).total_seconds(),
    )
