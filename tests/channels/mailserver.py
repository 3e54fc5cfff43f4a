"""An SMTP server that says what it is told to say, over STARTTLS where it has a certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GOOD = {
    "MAIL": b"250 2.1.0 Ok",
    "RCPT": b"250 2.1.5 Ok",
    "DATA": b"354 Go on",
    ".": b"250 2.0.0 Ok: queued",
    "RSET": b"250 2.0.0 Ok",
    "AUTH": b"235 2.7.0 Ok",
}
PIPELINING = "PIPELINING"
HANG_UP = b""
SAY_NOTHING = b"-"
CHUNK = 1024 * 1024


@dataclass
class MailServer:
    """said:     verb → its replies in turn, then the good ones; HANG_UP ends the connection instead, SAY_NOTHING leaves it waiting.
              "." is the end of a mail
    offers:   extensions, as EHLO lists them
    starttls: the certificate to go on with
    bytewise: answers come a byte at a time
    lines:    commands as they came; writes: the same, several in one string where they came at once
    mails:    contents with their dot
    """

    said: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    offers: tuple[str, ...] = ()
    starttls: ssl.SSLContext | None = None
    bytewise: bool = False
    port: int = 0
    connections: int = 0
    writes: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    _turn: dict[str, int] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        return [line for write in self.writes for line in write.splitlines()]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            writer.write(b"220 mail.example ESMTP\r\n")
            while write := await reader.read(CHUNK):
                await self._take(write, reader, writer)
        except (ConnectionError, ssl.SSLError):
            return
        finally:
            writer.close()

    async def _take(self, write: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writes.append(write.decode())
        answers = b""
        for line in self.writes[-1].splitlines():
            verb = line.split(" ")[0].upper()
            if verb == "STARTTLS" and self.starttls is not None:
                writer.write(b"220 2.0.0 Go ahead\r\n")
                await writer.start_tls(self.starttls)
                return
            answer = self._answer(verb)
            if answer == HANG_UP:
                writer.write(answers)
                raise ConnectionAbortedError
            if answer == SAY_NOTHING:
                continue
            answers += answer + b"\r\n"
        await self._say(answers, writer)
        if answers.endswith(b"354 Go on\r\n"):
            await self._content(reader, writer)

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = await reader.read(CHUNK)
        while (end := (b"\r\n" + content).find(b"\r\n.\r\n")) < 0:
            content += await reader.read(CHUNK)
        self.mails.append(content[:end])
        answer = self._answer(".")
        if answer == HANG_UP:
            raise ConnectionAbortedError
        if answer != SAY_NOTHING:
            writer.write(answer + b"\r\n")
        if rest := content[end + 3 :]:
            await self._take(rest, reader, writer)

    async def _say(self, answers: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in range(len(answers)) if self.bytewise else ():
            writer.write(answers[byte : byte + 1])
            await asyncio.sleep(0)
        writer.write(b"" if self.bytewise else answers)

    def _answer(self, verb: str) -> bytes:
        turn = self._turn[verb] = self._turn.get(verb, -1) + 1
        told = self.said.get(verb, ())
        if turn < len(told):
            return told[turn]
        if verb == "EHLO":
            offers = self.offers if self.starttls is None else (*self.offers, "STARTTLS")
            return b"\r\n".join([*(b"250-" + offer.encode() for offer in ("mail.example", *offers)), b"250 HELP"])
        return GOOD.get(verb, b"221 2.0.0 Bye")


@asynccontextmanager
async def mail_server(server: MailServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[MailServer]:
    """Serving while it lasts; tls: from the first byte on."""
    listener = await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server
