"""GET /v1/popups/stream: an app hears that it should ask again, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg
import pytest
from aiohttp import ClientResponse, ClientSession
from pydantic import SecretStr

from config.settings import HttpSettings, Settings
from console.http import serve
from console.http.streams import Streams
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.withdrawal import opt_out
from store import changes, versions
from store.scratch import scratch
from tests.http.app import event, tell, token
from tests.http.conftest import KEY, Configure
from tests.http.test_popups import lie_ready
from tests.world import person


@pytest.fixture
async def people(house: House) -> tuple[int, int]:
    return await person(house.database, 1), await person(house.database, 2)


@dataclass
class Ear:
    """What one app hears."""

    answer: ClientResponse
    last_id: str = ""

    async def block(self) -> dict[str, str]:
        """Fields up to the next empty line, comments left out; {} at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            while line := (await self.answer.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields |= {name: value} if name else {}
        self.last_id = fields.get("id", self.last_id)
        return fields

    async def hears(self) -> int:
        """Over how many seconds the next question is spread."""
        while "data" not in (found := await self.block()):
            assert not self.answer.content.at_eof()
        assert found["event"] == "invalidate"
        return int(json.loads(found["data"])["within_s"])

    async def ends(self) -> bool:
        async with asyncio.timeout(10):
            await self.answer.content.read()
        return self.answer.content.at_eof()


@asynccontextmanager
async def listening(web: ClientSession, headers: dict[str, str], last_id: str | None = None) -> AsyncIterator[Ear]:
    more = {} if last_id is None else {"Last-Event-ID": last_id}
    async with web.get("/v1/popups/stream", headers=headers | more) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        ear = Ear(answer)
        assert (await ear.block())["retry"] == "5000"
        yield ear


async def changed(house: House, *people: int) -> None:
    async with house.database.begin() as connection:
        await changes.tell(connection, people)


async def test_a_persons_app_is_told_and_nobody_elses(house: House, web: ClientSession, people: tuple[int, int]) -> None:
    async with listening(web, await token(web, 1)) as mine, listening(web, await token(web, 2)) as other:
        await changed(house, people[0])
        assert await mine.hears() == 0
        await changed(house, people[1])
        # The first word the other hears is its own: the one before was not for it.
        assert await other.hears() == 0
        assert other.last_id != mine.last_id


async def test_what_the_house_lays_ready_is_told_in_the_same_transaction(house: House, clock: VirtualClock, configured: Configure) -> None:
    await configured()
    both = {await person(house.database, 1), await person(house.database, 2)}
    async with await psycopg.AsyncConnection.connect(house.database.conninfo, autocommit=True) as connection:
        await connection.execute("LISTEN kabar_popups")
        await lie_ready(house, clock)
        [note] = [note async for note in connection.notifies(timeout=5, stop_after=1)]
    assert set(map(int, note.payload.partition(":")[2].split(","))) == both


async def _paused(house: House) -> None:
    async with house.database.begin() as connection:
        await versions.pause(connection, campaign="hello", channel=None, reason="test", by="qa", now=house.clock.now())


async def _elsewhere(house: House) -> None:
    async with house.database.begin() as connection:
        await versions.pause(connection, campaign="hello", channel="email", reason="test", by="qa", now=house.clock.now())


async def test_a_stop_and_its_end_are_told_to_all_spread_out_and_one_of_another_channel_to_nobody(
    house: House, web: ClientSession, people: tuple[int, int]
) -> None:
    async with listening(web, await token(web)) as ear:
        await _elsewhere(house)
        await _paused(house)
        assert await ear.hears() == 30
        async with house.database.begin() as connection:
            await versions.resume(connection, campaign="hello", channel=None, everything=False)
        assert await ear.hears() == 30


async def test_an_opt_out_and_a_dismissal_are_told(house: House, clock: VirtualClock, web: ClientSession, configured: Configure) -> None:
    await configured()
    number = await person(house.database, 1)
    await lie_ready(house, clock)
    headers = await token(web)
    async with listening(web, headers) as ear:
        async with web.get("/v1/popups", headers=headers) as answer:
            [item] = (await answer.json())["items"]
        await tell(web, headers, event(house, item["delivery_id"], "dismiss"))
        assert await ear.hears() == 0
        async with house.database.begin() as connection:
            await opt_out(house, connection, [(number, "popup", "test")], house.clock.now())
        assert await ear.hears() == 0


async def test_who_comes_back_is_told_only_if_something_happened_meanwhile(
    house: House, web: ClientSession, people: tuple[int, int]
) -> None:
    headers = await token(web)
    async with listening(web, headers) as ear:
        await changed(house, people[0])
        await ear.hears()
        last = ear.last_id
    await changed(house, people[1])
    async with listening(web, headers, last) as back:
        await changed(house, people[0])
        await back.hears()
        assert back.last_id != last
    async with listening(web, headers, last) as again:
        assert await again.hears() == 0
    async with listening(web, headers, "of another process") as stranger:
        assert await stranger.hears() == 0


async def test_nothing_is_lost_when_the_database_ends_the_listening_connection(
    house: House, web: ClientSession, people: tuple[int, int]
) -> None:
    async with listening(web, await token(web)) as ear:
        async with await psycopg.AsyncConnection.connect(house.database.conninfo, autocommit=True) as connection:
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN kabar_popups%'")
        await changed(house, people[0])
        assert await ear.hears() == 30


async def test_a_stream_ends_with_its_token(clock: VirtualClock, web: ClientSession, house: House, people: tuple[int, int]) -> None:
    async with listening(web, await token(web, ttl_s=60)) as ear:
        clock.advance_to(clock.now() + timedelta(seconds=60))
        await changed(house, people[0])
        assert await ear.ends()


async def test_a_stream_needs_a_token(web: ClientSession) -> None:
    async with web.get("/v1/popups/stream") as answer:
        assert answer.status == 401


async def test_open_streams_do_not_hold_the_stop_up(house: House, people: tuple[int, int]) -> None:
    patient = replace(house, settings=Settings(http=HttpSettings(port=0, api_key=SecretStr(KEY)), stop_grace=60))
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    web = asyncio.create_task(serve(patient, stop, port.set_result))
    async with (
        asyncio.timeout(10),
        ClientSession(f"http://127.0.0.1:{await port}") as client,
        listening(client, await token(client)) as ear,
    ):
        stop.set()
        assert await ear.ends()
        await web


async def test_the_oldest_stream_of_a_person_gives_way_and_a_full_process_takes_no_more(database_url: str) -> None:
    streams = Streams(database_url, per_person=2, limit=3)
    running = asyncio.create_task(streams.run())
    first, second, third = [await streams.open(1, None) for _ in range(3)]
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.over, second.over) == (True, False)
    assert await streams.open(2, None) is None
    streams.leave(first)
    assert await streams.open(2, None) is not None
    streams.close()
    assert second.over
    assert await streams.open(3, None) is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_however_much_happens_a_stream_that_nobody_reads_holds_one_word(house: House, people: tuple[int, int]) -> None:
    streams = Streams(house.database.conninfo)
    running = asyncio.create_task(streams.run())
    stream = await streams.open(people[0], None)
    assert stream is not None
    for _ in range(20):
        await changed(house, *people)
    last = await streams.open(people[1], None)
    assert last is not None
    await changed(house, people[1])
    assert await last.told(10) == 0
    assert await stream.told(10) == 0
    assert await stream.told(0.001) is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_rehearsal_tells_no_app(house: House, people: tuple[int, int]) -> None:
    async with await psycopg.AsyncConnection.connect(house.database.conninfo, autocommit=True) as listener:
        await listener.execute("LISTEN kabar_popups")
        async with scratch(house.database, house.clock.now()) as copy, copy.begin() as connection:
            await changes.tell(connection, people)
            await changes.tell_everybody(connection)
        await changed(house, 77)
        heard = [note.payload.partition(":")[2] async for note in listener.notifies(timeout=5, stop_after=1)]
    assert heard == ["77"]
