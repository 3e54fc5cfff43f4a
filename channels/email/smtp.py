"""E-mail through an SMTP submission server: RFC 5321, RFC 6409."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from aiosmtplib import (
    SMTP,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from channels.base import Envelope, Outcome, Rejected, Retry, Sent, StopChannel, Unknown
from channels.email.connections import Connections
from channels.email.dkim import Signer
from channels.email.mime import Letter, LetterError, Letterhead
from channels.email.replies import RECIPIENT, SENDER, Reply, verdict_of
from channels.email.settings import EmailSettings
from channels.verdicts import Verdict, clip

START_INPUT = 354
CLOSING = 421


@dataclass(slots=True)
class _Attempt:
    """`handed_over`: the final dot has been written, so from now on the mail may have been taken."""

    letter: Letter
    handed_over: bool = False


class SmtpAdapter:
    """One submission server. `now` in epoch seconds dates the mails, which DKIM then covers."""

    def __init__(self, settings: EmailSettings, now: Callable[[], float] = time.time) -> None:
        if settings.host is None or settings.sender is None:
            raise ValueError("email needs KABAR_EMAIL__HOST and KABAR_EMAIL__SENDER")
        self._settings, self._sender, self._now = settings, settings.sender, now
        self._connections = Connections(settings)
        self._free = asyncio.Semaphore(settings.concurrency)
        self._letterhead = Letterhead(settings.sender, settings.bounce_domain)

    async def start(self) -> None:
        """Raises ValueError when the DKIM key cannot be used."""
        settings = self._settings
        if settings.dkim_key_file is not None and settings.dkim_selector is not None:
            signer = Signer(settings.dkim_key_file, settings.dkim_selector, self._letterhead.domain)
            self._letterhead = Letterhead(self._sender, settings.bounce_domain, signer)
        await self._connections.start()

    async def close(self) -> None:
        await self._connections.close()

    async def send(self, envelope: Envelope) -> Outcome:
        try:
            attempt = _Attempt(self._letterhead.write(envelope, self._now()))
        except LetterError as error:
            return Rejected(error.code)
        try:
            async with asyncio.timeout(self._settings.deadline), self._free:
                return await self._deliver(attempt)
        except TimeoutError:
            return _broken("timeout", attempt)
        except SMTPException as error:
            return _refused_to_talk(error, attempt)
        except OSError:
            return _broken("connection_lost" if attempt.handed_over else "connect", attempt)

    async def _deliver(self, attempt: _Attempt) -> Outcome:
        """Over a kept connection if there is one; should it turn out to be closed, over a new one."""
        kept = self._connections.kept()
        if kept is not None:
            with suppress(SMTPServerDisconnected):
                return await self._over(kept, attempt, fresh=False)
            if attempt.handed_over:
                return _broken("connection_lost", attempt)
        return await self._over(await self._connections.open(), attempt, fresh=True)

    async def _over(self, connection: SMTP, attempt: _Attempt, *, fresh: bool) -> Outcome:
        try:
            outcome = await _transact(connection, attempt, fresh=fresh)
            if not isinstance(outcome, Sent) and connection.is_connected:
                await _reset(connection)
        except BaseException:
            # Also when cancelled: a half-spoken connection must not be used by another mail.
            connection.close()
            raise
        self._connections.keep(connection)
        return outcome


async def _transact(connection: SMTP, attempt: _Attempt, *, fresh: bool) -> Outcome:
    """MAIL, RCPT, DATA, the mail. Raises SMTPServerDisconnected also for a 421 that closes a kept connection."""
    letter = attempt.letter
    reply = await _command(connection, b"MAIL", b"FROM:<%b>" % letter.return_path.encode())
    if not reply.accepted:
        if reply.code == CLOSING and not fresh:
            raise SMTPServerDisconnected("idle connection closed")
        return _judge(reply, SENDER, attempt)
    reply = await _command(connection, b"RCPT", b"TO:<%b>" % letter.recipient.encode())
    if reply.accepted:
        reply = await _command(connection, b"DATA")
        if reply.code == START_INPUT:
            reply = await _hand_over(connection, attempt)
            if reply.accepted:
                return Sent(letter.message_id)
    return _judge(reply, RECIPIENT, attempt)


def _judge(reply: Reply, table: Mapping[str, Verdict], attempt: _Attempt) -> Outcome:
    """The table's word on a reply; one that makes no sense leaves doubt only after the final dot."""
    outcome = verdict_of(reply, table).outcome(reply.name, clip(reply.text, attempt.letter.recipient))
    return Retry(outcome.code) if isinstance(outcome, Unknown) and not attempt.handed_over else outcome


async def _command(connection: SMTP, *words: bytes) -> Reply:
    answer = await connection.execute_command(*words)
    return Reply(answer.code, answer.message)


async def _hand_over(connection: SMTP, attempt: _Attempt) -> Reply:
    """The mail and its final dot. aiosmtplib's own data() does not tell on which side of the dot a connection broke."""
    protocol = connection.protocol
    if protocol is None:
        raise SMTPServerDisconnected("Connection lost")
    data = attempt.letter.data.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    attempt.handed_over = True
    protocol.write(data)
    answer = await protocol.read_response()
    return Reply(answer.code, answer.message)


async def _reset(connection: SMTP) -> None:
    """Ready for the next mail after a refusal, or closed: the outcome stands either way."""
    try:
        await connection.rset()
    except (SMTPException, OSError):
        connection.close()


def _broken(code: str, attempt: _Attempt) -> Outcome:
    return Unknown(code) if attempt.handed_over else Retry(code)


def _refused_to_talk(error: SMTPException, attempt: _Attempt) -> Outcome:
    """No transaction came about: the network, a reply that is not SMTP, or the server will not have us."""
    if attempt.handed_over or isinstance(error, SMTPServerDisconnected | SMTPTimeoutError):
        return _broken("garbled_reply" if isinstance(error, SMTPResponseException) else "connection_lost", attempt)
    if isinstance(error, SMTPResponseException):
        reply = Reply(error.code, error.message)
        if reply.code < 400:
            return Retry("garbled_reply")
        # Not one mail was refused but all of them, so none is given up for it.
        outcome = verdict_of(reply, SENDER).outcome(reply.name, clip(reply.text))
        return Retry(outcome.code, signal=outcome.signal, detail=outcome.detail) if isinstance(outcome, Rejected) else outcome
    if isinstance(error, SMTPConnectError) and not isinstance(error, SMTPConnectResponseError):
        return Retry("connect")
    return Retry("setup", signal=StopChannel("setup"), detail=clip(error.message))
