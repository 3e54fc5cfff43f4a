"""Small servers that do one odd thing each, on real sockets."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

Talk = Callable[["Served", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Odd(StrEnum):
    NOTHING = "nothing"
    DROP_AT_CONNECT = "drop_at_connect"
    DROP_IN_REQUEST = "drop_in_request"
    DROP_AFTER_REQUEST = "drop_after_request"
    DROP_AFTER_ANSWER = "drop_after_answer"
    HANG_AT_CONNECT = "hang_at_connect"
    HANG = "hang"
    GARBAGE = "garbage"
    HUGE = "huge"
    DROP_IN_ANSWER = "drop_in_answer"
    TRICKLE = "trickle"
    ECHO = "echo"


GARBAGE = b"\x00\xff<html>502 Bad Gateway</html>\r\n\r\n"
HUGE = 1024 * 1024
TRICKLE_SECONDS = 0.05  # a byte


@dataclass
class Served:
    """What a server saw. `answer` is what a good HTTP server says."""

    odd: Odd
    answer: bytes = b""
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def http_server(odd: Odd, answer: bytes = b"", tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    async with _serving(Served(odd, answer), _http, tls) as served:
        yield served


@asynccontextmanager
async def smtp_server(odd: Odd, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    async with _serving(Served(odd), _smtp, tls) as served:
        yield served


@asynccontextmanager
async def _serving(served: Served, talk: Talk, tls: ssl.SSLContext | None) -> AsyncIterator[Served]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        try:
            await talk(served, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    async with server:
        yield served


async def _http(served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if served.odd is Odd.DROP_AT_CONNECT:
        return
    if served.odd is Odd.DROP_IN_REQUEST:
        await reader.readexactly(20)
        writer.transport.abort()
        return
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        served.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
        match served.odd:
            case Odd.DROP_AFTER_REQUEST:
                return
            case Odd.HANG | Odd.HANG_AT_CONNECT:
                await reader.read()
                return
            case Odd.GARBAGE:
                writer.write(GARBAGE)
                return
            case Odd.HUGE:
                writer.write(http_answer("200 OK", b"x" * HUGE))
            case Odd.DROP_IN_ANSWER:
                writer.write(http_answer("200 OK", b'{"name": "half')[:-3])
                return
            case Odd.TRICKLE:
                await _trickle(http_answer("200 OK", b" " * 1000), reader, writer)
                return
            case Odd.ECHO:
                writer.write(http_answer("400 Bad Request", _echo(served.requests[-1])))
            case _:
                writer.write(served.answer)


async def _smtp(served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if served.odd is Odd.DROP_AT_CONNECT:
        return
    if served.odd is Odd.HANG_AT_CONNECT:
        await reader.read()
        return
    writer.write(b"220 odd.example ESMTP\r\n")
    while line := await reader.readline():
        if line.startswith(b"QUIT"):
            writer.write(b"221 2.0.0 Bye\r\n")
            return
        if not line.startswith(b"DATA"):
            writer.write(b"250 odd.example\r\n")
            continue
        if served.odd is Odd.DROP_IN_REQUEST:
            return
        writer.write(b"354 Go on\r\n")
        served.requests.append(await reader.readuntil(b"\r\n.\r\n"))
        if not await _after_the_dot(served, reader, writer):
            return


async def _after_the_dot(served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer the mail; False ends the connection."""
    match served.odd:
        case Odd.DROP_AFTER_REQUEST:
            return False
        case Odd.HANG:
            await reader.read()
            return False
        case Odd.GARBAGE:
            writer.write(GARBAGE)
        case Odd.HUGE:
            writer.write(b"250-" + b"x" * HUGE)
        case Odd.DROP_IN_ANSWER:
            writer.write(b"250-2.0.0 Ok\r\n250 2.0")
            return False
        case Odd.TRICKLE:
            await _trickle(b"250-" + b"x" * 1000, reader, writer)
            return False
        case _:
            writer.write(b"250 2.0.0 Ok: queued\r\n")
    return served.odd is not Odd.DROP_AFTER_ANSWER


async def _trickle(answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte at a time, until the client has had enough."""
    for byte in answer:
        writer.write(bytes([byte]))
        try:
            async with asyncio.timeout(TRICKLE_SECONDS):
                if not await reader.read(1):
                    return
        except TimeoutError:
            continue


def _echo(request: bytes) -> bytes:
    """All that was asked, in every field an error of FCM or Meta has for words, and in those of others at the top."""
    said = request.decode()
    body = said.partition("\r\n\r\n")[2]
    error = {"status": body, "message": said, "error_data": {"details": body}, "details": [{"errorCode": body}]}
    return json.dumps({"error": error, "message": said, "description": said}, ensure_ascii=False).encode()


def http_answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
