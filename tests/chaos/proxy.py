"""A small TCP proxy that does what networks do: it refuses, cuts, delays, swallows, and breaks off in the middle of an answer."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, Self, TypeVar
from weakref import WeakSet

T = TypeVar("T")

Target = tuple[str, int] | str
HARD = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset
PIECE = 64 * 1024
COMMITTED = b"COMMIT\x00"  # PostgreSQL's CommandComplete


class Mode(StrEnum):
    """What happens to connections, those that are open included."""

    PASS = "pass"
    REFUSE = "refuse"  # nobody listens; what was open is reset
    CUT = "cut"  # taken and reset
    DELAY = "delay"  # every piece comes late, both ways
    HOLE = "hole"  # taken and swallowed. What was open then never passes anything again, whatever the mode becomes
    UNSAID = "unsaid"  # the next COMMIT is done, and whoever asked for it is cut off before he hears so; then it passes
    HALF = "half"  # of an answer's next piece one half comes, then the end


class Proxy:
    """In a thread of its own, so that it works however busy the test is. `target`: (host, port), or the path of a Unix socket."""

    def __init__(self, target: Target) -> None:
        self.mode, self.seconds = Mode.PASS, 0.0
        self.swallowed = 0  # bytes
        self.taken = 0  # connections
        self.heard = threading.Event()  # set when something is swallowed
        self.port = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._ever: WeakSet[asyncio.StreamWriter] = WeakSet()
        self._deaf: set[asyncio.StreamWriter] = set()  # both ends of what was open in a hole

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, mode: Mode, seconds: float = 0.0) -> None:
        """From now on, for all connections; seconds: of DELAY. Comes back when it is so."""
        self._do(self._set(mode, seconds))

    def cut(self) -> int:
        """Reset what is open now, and go on as before; how many connections that were."""
        return self._do(self._cut())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _set(self, mode: Mode, seconds: float) -> None:
        before, self.mode, self.seconds = self.mode, mode, seconds
        if mode is Mode.HOLE:
            self._deaf |= self._open
        if mode in (Mode.CUT, Mode.REFUSE):
            await self._cut()
        if mode is Mode.REFUSE and self._server is not None:
            self._server.close()
        elif before is Mode.REFUSE and mode is not Mode.REFUSE:
            await self._listen()

    async def _cut(self) -> int:
        cut = list(self._open)
        for writer in cut:
            _reset(writer)
        return len(cut) // 2

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=1)
        writers = list(self._ever)
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ever.add(writer)
        self.taken += 1
        if self.mode is Mode.CUT:
            _reset(writer)
            return
        if self.mode is Mode.HOLE:
            await self._swallow(reader, writer)
            return
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            _reset(writer)
            return
        self._ever.add(far_writer)
        ends = {writer, far_writer}
        self._open |= ends
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, answers=True))
        finally:
            self._open -= ends
            self._deaf -= ends
            for end in ends:
                end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, str):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection(*self._target)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False) -> None:
        try:
            while data := await reader.read(PIECE):
                if self.mode is Mode.DELAY:
                    await asyncio.sleep(self.seconds)
                if writer in self._deaf:
                    self._lose(data)
                elif answers and self.mode is Mode.UNSAID and COMMITTED in data:
                    self.mode = Mode.PASS
                    _reset(writer)
                    return
                elif answers and self.mode is Mode.HALF:
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    writer.close()
                    return
                else:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            _reset(writer)
        finally:
            if writer not in self._deaf:
                writer.close()

    async def _swallow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while data := await reader.read(PIECE):
                self._lose(data)
        except OSError:
            _reset(writer)
        finally:
            self._open.discard(writer)
            writer.close()

    def _lose(self, data: bytes) -> None:
        self.swallowed += len(data)
        self.heard.set()


def _reset(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    if own is not None and own.fileno() >= 0 and own.family != socket.AF_UNIX:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HARD)
    writer.transport.abort()
