"""The LMTP port: an answer for each recipient, given when the mail is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from console.mail import lmtp
from console.mail.intake import Intake
from jobs.house import House
from store.engine import open_database
from tests.world import rows

MAIL = "From: MAILER-DAEMON@mx.example.org\r\nSubject: failure notice\r\n\r\n..a line with a dot\r\nThe end"


class Client:
    """A mail server's side of the conversation, word for word."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def answer(self) -> str:
        """The last line of one answer."""
        while True:
            line = (await self._reader.readline()).decode().rstrip()
            if line[3:4] != "-":
                return line

    async def say(self, words: str) -> str:
        self.writer.write(words.encode() + b"\r\n")
        return await self.answer()

    async def begin(self, *recipients: str) -> None:
        assert (await self.say("LHLO mx.example.org"))[:3] == "250"
        assert (await self.say("MAIL FROM:<>"))[:3] == "250"
        for recipient in recipients:
            assert (await self.say(f"RCPT TO:<{recipient}>"))[:3] == "250"
        assert (await self.say("DATA"))[:3] == "354"


@asynccontextmanager
async def open_port(house: House) -> AsyncIterator[tuple[int, asyncio.Event, asyncio.Task[None]]]:
    stop = asyncio.Event()
    with lmtp.bind("127.0.0.1:0") as listening:
        server = asyncio.create_task(lmtp.serve(Intake(house), listening, stop))
        try:
            yield listening.getsockname()[1], stop, server
        finally:
            stop.set()
            await server


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Client(reader, writer)
    assert (await client.answer())[:3] == "220"
    try:
        yield client
    finally:
        writer.close()


async def _kept(house: House) -> list[bytes]:
    return [bytes(row.body) for row in await rows(house.database, "SELECT body FROM receipts WHERE source = 'email' ORDER BY id")]


async def test_each_recipient_is_answered_and_each_mail_kept_with_its_own(house: House) -> None:
    async with open_port(house) as (port, _, _server), calling(port) as client:
        await client.begin("bounce+kabar-1-a@bounce.example.com", "bounce+kabar-2-b@bounce.example.com")
        assert await client.say(MAIL + "\r\n.") == lmtp.KEPT
        assert await client.answer() == lmtp.KEPT
        first, second = await _kept(house)
        assert (await client.say("QUIT"))[:3] == "221"
    assert first == b"X-Original-To: bounce+kabar-1-a@bounce.example.com\r\n" + MAIL.replace("\r\n..", "\r\n.").encode() + b"\r\n"
    assert second.startswith(b"X-Original-To: bounce+kabar-2-b@")


async def test_what_is_too_large_is_refused_for_each_recipient_and_the_next_mail_is_taken(house: House) -> None:
    async with open_port(house) as (port, _, _server), calling(port) as client:
        await client.begin("a@bounce.example.com", "b@bounce.example.com")
        line = b"x" * 998 + b"\r\n"
        client.writer.write(line * (lmtp.LARGEST // 1000 + 2))
        assert [await client.say("."), await client.answer()] == [lmtp.TOO_LARGE] * 2
        assert (await client.say("MAIL FROM:<>"))[:3] == "250"
        assert (await client.say("RCPT TO:<a@bounce.example.com>"))[:3] == "250"
        assert (await client.say("DATA"))[:3] == "354"
        assert await client.say(MAIL + "\r\n.") == lmtp.KEPT
    assert len(await _kept(house)) == 1


async def test_while_the_database_is_away_the_mail_server_keeps_it(house: House) -> None:
    away = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    async with open_port(replace(house, database=away)) as (port, _, _server), calling(port) as client:
        await client.begin("a@bounce.example.com", "b@bounce.example.com")
        assert [await client.say(MAIL + "\r\n."), await client.answer()] == [lmtp.AWAY] * 2
    await away.close()


async def test_commands_out_of_order_get_an_answer_and_smtp_is_not_spoken(house: House) -> None:
    async with open_port(house) as (port, _, _server), calling(port) as client:
        assert (await client.say("EHLO mx"))[:3] == "500"
        assert (await client.say("LHLO mx"))[:3] == "250"
        assert (await client.say("DATA"))[:3] == "503"


async def test_a_stop_answers_the_mail_that_is_being_handed_over(house: House) -> None:
    async with open_port(house) as (port, stop, server), calling(port) as client:
        await client.begin("a@bounce.example.com")
        stop.set()
        await asyncio.sleep(0)
        assert not server.done()
        assert await client.say(MAIL + "\r\n.") == lmtp.KEPT
        await server
    assert len(await _kept(house)) == 1
