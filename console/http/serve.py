"""Serves the HTTP face inside a loop that is not ours to end: no signal handlers, stopped by an event."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog
import uvicorn
from fastapi import FastAPI

from config.problems import ConfigError, Problem
from config.settings import HttpSettings
from console.http.app import make_web
from console.http.patience import Patience
from console.http.protocol import HEAD_BYTES, patient
from console.http.streams import Streams
from jobs.house import House
from jobs.pause import pause

log = structlog.get_logger()

BACKLOG = 2048
PART = "web"
ASK_SECONDS = 10.0
ANSWER_SECONDS = 10.0


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the daemon, which stops its other parts in order, too."""
        yield


async def serve(
    house: House,
    stop: asyncio.Event,
    on_bound: Callable[[int], None] | None = None,
    *,
    listening: socket.socket | None = None,
    patience: Patience = Patience(),
) -> None:
    """Answer until told to stop, then finish what is in flight within the grace.

    on_bound: told the port, which the system chose when the setting is 0. listening: a socket that is bound already.
    Raises ConfigError when the port cannot be had.
    """
    app = make_web(house, patience)
    streams: Streams = app.state.web.streams
    server = _Server(_config(app, house, patience))
    listening = listening or bind(house.settings.http)
    port = int(listening.getsockname()[1])
    log.info("web.started", host=house.settings.http.host, port=port)
    if on_bound is not None:
        on_bound(port)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    listening_for_changes = asyncio.create_task(streams.run())
    house.vitals.expect(PART)
    looked_after = asyncio.create_task(_look_after(house, listening.getsockname(), stop))
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        # An open stream would hold the stop up for the whole grace.
        streams.close()
        server.should_exit = True
        for task in (listening_for_changes, looked_after):
            task.cancel()
        await asyncio.gather(listening_for_changes, looked_after, return_exceptions=True)
        await serving
    log.info("web.stopped")


async def _look_after(house: House, place: tuple[str, int], stop: asyncio.Event) -> None:
    """The web is at work while it answers a question of our own, as anybody would ask it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(place[0], place[0])
    while not stop.is_set():
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                if await _answers(host, place[1]):
                    house.vitals.good(PART)
        await pause(stop, ASK_SECONDS)


async def _answers(host: str, port: int) -> bool:
    """Whatever it answers of the rest of the house."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return (await reader.readline()).startswith(b"HTTP/1.1 ")
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _config(app: FastAPI, house: House, patience: Patience) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=patient(patience),
        log_config=None,
        log_level="error",  # what is no HTTP is answered, and not worth a line each
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whom X-Forwarded-For is believed of is a setting of ours
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=patience.idle,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=max(1, round(house.settings.stop_grace)),
    )


def bind(settings: HttpSettings) -> socket.socket:
    """A listening socket. Raises ConfigError naming the setting and the way out."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError([_problem(settings, error)]) from None


def _problem(settings: HttpSettings, error: OSError) -> Problem:
    other = settings.port + 1 if settings.port < 65535 else 8080
    match error.errno:
        case errno.EADDRINUSE:
            message = f"port {settings.port} is in use; stop what listens there, or take another: KABAR_HTTP__PORT={other}"
        case errno.EACCES | errno.EPERM:
            message = f"port {settings.port} may not be opened by this user; take one above 1023: KABAR_HTTP__PORT=8080"
        case _:
            words = error.strerror or type(error).__name__
            return Problem("KABAR_HTTP__HOST", 0, 0, f'cannot listen on "{settings.host}": {words}; take 127.0.0.1 or 0.0.0.0')
    return Problem("KABAR_HTTP__PORT", 0, 0, message)
