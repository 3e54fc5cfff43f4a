"""An LMTP server (RFC 2033) on aiosmtpd: each recipient has its own answer, given when the mail is kept and not before."""

from __future__ import annotations

import asyncio
import errno
import socket

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from config.problems import ConfigError, Problem
from console.mail.intake import Away, Intake

log = structlog.get_logger()

LARGEST = 10 * 1024 * 1024
MOST_RECIPIENTS = 100
HIGHEST_PORT = 65535
GRACE = 10.0  # seconds for what is being said when told to stop
SETTING = "KABAR_EMAIL__BOUNCE_LMTP"
KEPT, AWAY, TOO_LARGE = "250 2.0.0 kept", "451 4.3.0 cannot be kept now, try again", "552 5.3.4 too large"


class _Conversation(LMTP):
    """One connection. aiosmtpd answers DATA once, as SMTP does, and reads it line by line; both are done here instead."""

    line_length_limit = 1024 * 1024  # of the stream; a command is bounded by command_size_limit

    def __init__(self, intake: Intake, open_ones: set[_Conversation]) -> None:
        super().__init__(
            _Postbox(), hostname="kabar", ident="Kabar", data_size_limit=LARGEST, enable_SMTPUTF8=True, loop=asyncio.get_running_loop()
        )
        self._intake, self._open_ones = intake, open_ones
        self.idle = asyncio.Event()
        self.idle.set()

    async def smtp_DATA(self, arg: str | None) -> None:
        if self.envelope is None or not self.envelope.rcpt_tos or arg:
            await self.push("503 5.5.1 DATA comes after RCPT and stands alone")
            return
        self.idle.clear()
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            content = await self._content()
            for recipient in self.envelope.rcpt_tos:
                await self.push(TOO_LARGE if content is None else await self._keep(content, recipient))
            self.envelope = self._create_envelope()
        finally:
            self.idle.set()

    async def _keep(self, content: bytes, recipient: str) -> str:
        try:
            await self._intake.take(content, recipient)
        except Away:
            return AWAY
        return KEPT

    async def _content(self) -> bytes | None:
        """Up to the lone dot; None when it was too much, which is read to its end all the same."""
        data, too_large = bytearray(), False
        while data != b".\r\n" and not data.endswith(b"\r\n.\r\n"):
            try:
                data += await self._reader.readuntil(b".\r\n")
            except asyncio.LimitOverrunError as full:
                data += await self._reader.readexactly(full.consumed)
            if len(data) > LARGEST:
                too_large, data = True, data[-5:]
        # RFC 5321 4.5.2: the dot in front of a line that starts with one is not content.
        return None if too_large else bytes(b"\r\n" + data[:-3]).replace(b"\r\n.", b"\r\n")[2:]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._open_ones.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._open_ones.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.close()

    async def ended(self) -> None:
        if self._handler_coroutine is not None:
            await asyncio.gather(self._handler_coroutine, return_exceptions=True)


class _Postbox:
    """aiosmtpd's handler: any recipient; whose mail it is, the mail says."""

    async def handle_RCPT(self, server: _Conversation, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"


def bind(place: str) -> socket.socket:
    """A listening socket on `host:port`. Raises ConfigError."""
    host, _, port = place.rpartition(":")
    host = host.strip("[]")
    if not (host and port.isdecimal() and int(port) <= HIGHEST_PORT):
        raise ConfigError([Problem(SETTING, 0, 0, f'"{place}" is no place to listen at; write host:port, such as 127.0.0.1:8024')])
    try:
        return socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        words = "is in use; stop what listens there or take another port" if taken else f"cannot be listened on: {error}"
        raise ConfigError([Problem(SETTING, 0, 0, f'"{place}" {words}')]) from None


async def serve(intake: Intake, listening: socket.socket, stop: asyncio.Event) -> None:
    """Until told to stop; a mail that is being handed over then is answered first."""
    open_ones: set[_Conversation] = set()
    server = await asyncio.get_running_loop().create_server(lambda: _Conversation(intake, open_ones), sock=listening)
    host, port = listening.getsockname()[:2]
    log.info("lmtp.started", host=host, port=port)
    await stop.wait()
    server.close()
    conversations = list(open_ones)
    for conversation in conversations:
        if conversation.idle.is_set():
            conversation.hang_up()
    try:
        async with asyncio.timeout(GRACE):
            await asyncio.gather(*(conversation.idle.wait() for conversation in conversations))
    except TimeoutError:
        log.warning("lmtp.cut_short", conversations=len(open_ones))
    for conversation in conversations:
        conversation.hang_up()
        await conversation.ended()
    await server.wait_closed()
    log.info("lmtp.stopped", **intake.taken)
