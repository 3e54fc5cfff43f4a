"""The proxy does what it says, seen from both ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.chaos.proxy import Mode, Proxy

SOON = 5


@asynccontextmanager
async def echo() -> AsyncIterator[tuple[str, int]]:
    """Answers each line with itself."""

    talks: set[asyncio.Task[object]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if own := asyncio.current_task():
            talks.add(own)
        with suppress(ConnectionResetError):
            while line := await reader.readline():
                writer.write(line)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        yield host, port
    await asyncio.wait(talks, timeout=SOON)


async def say(ends: tuple[asyncio.StreamReader, asyncio.StreamWriter], line: bytes) -> bytes:
    """What comes back, up to a newline or the end."""
    ends[1].write(line)
    async with asyncio.timeout(SOON):
        return await ends[0].readline()


async def test_what_passes_comes_through_and_what_is_late_comes_late() -> None:
    async with echo() as target:
        with Proxy(target) as proxy:
            ends = await asyncio.open_connection("127.0.0.1", proxy.port)
            assert await say(ends, b"one\n") == b"one\n"
            proxy.set(Mode.DELAY, 0.1)
            since = time.monotonic()
            assert await say(ends, b"two\n") == b"two\n"
            assert time.monotonic() - since >= 0.2
            ends[1].close()


async def test_of_an_answer_that_is_halved_one_half_comes_and_then_the_end() -> None:
    async with echo() as target:
        with Proxy(target) as proxy:
            ends = await asyncio.open_connection("127.0.0.1", proxy.port)
            proxy.set(Mode.HALF)
            assert await say(ends, b"12345678\n") == b"1234"
            ends[1].close()


async def test_a_cut_resets_what_is_open_and_a_refusal_also_what_comes() -> None:
    async with echo() as target:
        with Proxy(target) as proxy:
            ends = await asyncio.open_connection("127.0.0.1", proxy.port)
            await say(ends, b"one\n")
            assert proxy.cut() == 1
            with pytest.raises(ConnectionResetError):
                await say(ends, b"two\n")
            proxy.set(Mode.REFUSE)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", proxy.port)
            proxy.set(Mode.PASS)
            again = await asyncio.open_connection("127.0.0.1", proxy.port)
            assert await say(again, b"three\n") == b"three\n"
            again[1].close()


async def test_a_hole_swallows_old_and_new_and_the_old_for_ever() -> None:
    async with echo() as target:
        with Proxy(target) as proxy:
            old = await asyncio.open_connection("127.0.0.1", proxy.port)
            await say(old, b"one\n")
            proxy.set(Mode.HOLE)
            new = await asyncio.open_connection("127.0.0.1", proxy.port)
            for _, writer in (old, new):
                proxy.heard.clear()
                writer.write(b"lost\n")
                assert await asyncio.to_thread(proxy.heard.wait, SOON)
            proxy.set(Mode.PASS)
            proxy.heard.clear()
            old[1].write(b"still\n")
            assert await asyncio.to_thread(proxy.heard.wait, SOON)
            fresh = await asyncio.open_connection("127.0.0.1", proxy.port)
            assert await say(fresh, b"two\n") == b"two\n"
            for _, writer in (old, new, fresh):
                writer.close()
