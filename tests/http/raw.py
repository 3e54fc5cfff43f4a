"""A caller who writes bytes, not requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import ClientSession

PATIENCE = 20  # seconds; more than any deadline of the server's


@dataclass
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def hear(self) -> bytes:
        """Everything until the server hangs up."""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                return await self.reader.read(1_000_000)
        return b""

    async def status(self) -> int:
        """Of the next answer; 0 when the server hung up instead."""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                line = await self.reader.readline()
                return int(line.split()[1]) if line else 0
        return 0


@asynccontextmanager
async def wire(web: ClientSession) -> AsyncIterator[Wire]:
    base = web._base_url
    assert base is not None
    reader, writer = await asyncio.open_connection(base.host, base.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join((line, "Host: kabar", *headers, "", "")).encode("latin-1") + body
