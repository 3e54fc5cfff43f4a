"""Callers who take their time, or are too many: each is let go after a while, and the others never wait for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import cycle

import pytest
from aiohttp import ClientSession

from console.http.patience import Patience
from jobs.house import House
from tests.http.conftest import KEY, serving
from tests.http.raw import Wire, request, wire
from tests.http.test_webhooks import URL

HASTY = Patience(head=0.3, idle=1, body=0.3, connections=20)
JSON = ("Content-Type: application/json", f"X-API-Key: {KEY}")


@pytest.fixture
async def hasty(house: House) -> AsyncIterator[ClientSession]:
    async with serving(house, HASTY) as web:
        yield web


async def dripping(caller: Wire, drops: bytes) -> bytes:
    """Says a drop every hundredth of a second until the server hangs up; what it said."""
    heard = asyncio.create_task(caller.hear())
    for drop in cycle(bytes([each]) for each in drops):
        await caller.say(drop)
        done, _ = await asyncio.wait({heard}, timeout=0.01)
        if done:
            break
    return await heard


async def test_who_never_ends_the_headers_is_let_go(hasty: ClientSession) -> None:
    for begun in (b"GET / HT", b"GET / HTTP/1.1\r\nHost: kabar\r\nX-Name: "):
        async with wire(hasty) as caller:
            await caller.say(begun)
            assert await dripping(caller, b"x") == b""


async def test_who_says_nothing_at_all_is_let_go(hasty: ClientSession) -> None:
    async with wire(hasty) as caller:
        assert await caller.hear() == b""


async def test_a_body_that_never_ends_is_told_so(hasty: ClientSession) -> None:
    for path, headers, drops in (
        ("/v1/events", (*JSON, "Content-Length: 60000"), b" "),
        ("/v1/events", (*JSON, "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
        (URL, ("Content-Length: 60000",), b" "),
        ("/p/x", ("Content-Length: 60000",), b" "),
    ):
        async with wire(hasty) as caller:
            await caller.say(request(f"POST {path} HTTP/1.1", *headers))
            head, _, body = (await dripping(caller, drops)).partition(b"\r\n\r\n")
            if path == "/p/x":  # refused before a byte of it was read; what still comes is not listened to for long
                assert head.startswith(b"HTTP/1.1 404 ")
            else:
                assert head.startswith(b"HTTP/1.1 408 ")
                assert json.loads(body)["error"] == "too_slow"


async def test_a_second_request_on_a_connection_has_no_more_time_than_the_first(hasty: ClientSession) -> None:
    async with wire(hasty) as caller:
        await caller.say(request("GET /healthz HTTP/1.1"))
        assert await caller.status() == 200
        await dripping(caller, b"x")


async def test_others_are_answered_while_many_connections_say_nothing_and_too_many_are_closed(hasty: ClientSession) -> None:
    async with asyncio.TaskGroup() as group:
        silent = [group.create_task(_silent(hasty)) for _ in range(60)]
        async with asyncio.timeout(10):
            answered = False
            while not answered:
                async with wire(hasty) as caller:
                    await caller.say(request("GET /healthz HTTP/1.1", "Connection: close"))
                    answered = await caller.status() == 200
    assert all(task.result() == b"" for task in silent)


async def _silent(web: ClientSession) -> bytes:
    async with wire(web) as caller:
        return await caller.hear()
