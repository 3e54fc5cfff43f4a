"""E-mail through an SMTP submission server: RFC 5321, RFC 6409; commands in one write where the server offers PIPELINING (RFC 2920)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiosmtplib import (
    SMTPConnectError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from channels.base import Envelope, Outcome, Rejected, Retry, Sent, Unknown, domain_of
from channels.email.connections import Connections, why_not_open
from channels.email.dkim import Signer
from channels.email.mime import Letter, LetterError, Letterhead
from channels.email.replies import RECIPIENT, SENDER, Reply, verdict_of
from channels.email.settings import EmailSettings
from channels.email.wire import Lost, Wire
from channels.signals import SlowDown, StopChannel
from channels.verdicts import Verdict, clip

START_INPUT = 354
CLOSING = 421
DATA = 2  # its place among the commands
# A certificate that does not hold is renewed by others, without a word to us: all mail waits, and asks again.
UNTRUSTED_PAUSE = timedelta(minutes=5)
# Seconds until a mail is handed over, or tried later: nothing is in doubt by then, so a relay that swallows holds nobody up for long.
INTRODUCTION = 12.0


@dataclass(slots=True)
class _Attempt:
    """`handed_over`: the final dot has been written, so from now on the mail may have been taken. `introduction`: ends before that."""

    envelope: Envelope
    letter: Letter
    handed_over: bool = False
    introduction: asyncio.Timeout | None = None


class SmtpAdapter:
    """One submission server. `now` in epoch seconds dates the mails, which DKIM then covers. `introduction`: seconds before the mail."""

    def __init__(self, settings: EmailSettings, now: Callable[[], float] = time.time, *, introduction: float = INTRODUCTION) -> None:
        if settings.host is None or settings.sender is None:
            raise ValueError("email needs KABAR_EMAIL__HOST and KABAR_EMAIL__SENDER")
        self._settings, self._sender, self._now = settings, settings.sender, now
        self._introduction = introduction
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
            letter = self._letterhead.write(envelope, self._now())
        except LetterError as error:
            return Rejected(error.code)
        attempt = _Attempt(envelope, letter)
        try:
            async with asyncio.timeout(self._settings.deadline), self._free, asyncio.timeout(self._introduction) as attempt.introduction:
                return await self._deliver(attempt)
        except TimeoutError:
            return _broken("timeout", attempt)
        except Lost as lost:
            return _broken(lost.code, attempt)
        except (SMTPException, OSError, UnicodeError) as error:
            return _not_opened(error)

    async def _deliver(self, attempt: _Attempt) -> Outcome:
        """Over a kept connection if there is one; should it turn out to be closed, over a new one."""
        kept = self._connections.kept()
        if kept is not None:
            try:
                return await self._over(kept, attempt, fresh=False)
            except Lost:
                if attempt.handed_over:
                    raise
        return await self._over(await self._connections.open(), attempt, fresh=True)

    async def _over(self, wire: Wire, attempt: _Attempt, *, fresh: bool) -> Outcome:
        try:
            outcome = await _transact(wire, attempt, fresh=fresh)
        except BaseException:
            # Also when cancelled: a half-spoken connection must not be used by another mail.
            wire.close()
            raise
        self._connections.keep(wire)
        return outcome


async def _transact(wire: Wire, attempt: _Attempt, *, fresh: bool) -> Outcome:
    """MAIL, RCPT, DATA, the mail. Raises Lost also for a 421 that closes a kept connection."""
    replies = await _introduce(wire, attempt.letter)
    if replies[0].code == CLOSING and not fresh:
        raise Lost
    for number, reply in enumerate(replies):
        if not (reply.code == START_INPUT if number == DATA else reply.accepted):
            _start_over(wire, replies)
            return _judge(reply, RECIPIENT if number else SENDER, attempt)
    if len(replies) <= DATA:
        raise wire.fault or Lost
    reply = await _hand_over(wire, attempt)
    if reply.accepted:
        return Sent(attempt.letter.message_id)
    _start_over(wire, [reply])
    return _judge(reply, RECIPIENT, attempt)


async def _introduce(wire: Wire, letter: Letter) -> Sequence[Reply]:
    """The replies to MAIL, RCPT and DATA, up to the first refusal or, with all three on their way at once, to all that came."""
    commands = (b"MAIL FROM:<%b>\r\n" % letter.return_path.encode(), b"RCPT TO:<%b>\r\n" % letter.recipient.encode(), b"DATA\r\n")
    if wire.pipelining:
        return await wire.ask(b"".join(commands), len(commands))
    replies: list[Reply] = []
    for command in commands:
        replies += await wire.ask(command)
        if not replies[-1].accepted:
            break
    return replies


async def _hand_over(wire: Wire, attempt: _Attempt) -> Reply:
    """The mail and its final dot, the moment of doubt."""
    attempt.handed_over = True
    if attempt.introduction is not None:
        attempt.introduction.reschedule(None)
    return (await wire.ask(attempt.letter.data.replace(b"\r\n.", b"\r\n..") + b".\r\n"))[0]


def _start_over(wire: Wire, replies: Sequence[Reply]) -> None:
    """Ready for the next mail; nobody waits for it, since the outcome stands."""
    # RFC 2920 3.1: a DATA that was granted although nobody is to get the mail ends with a lone dot.
    if replies[-1].code == START_INPUT:
        wire.leave(b".\r\nRSET\r\n", 2)
    else:
        wire.leave(b"RSET\r\n")


def _judge(reply: Reply, table: Mapping[str, Verdict], attempt: _Attempt) -> Outcome:
    """The table's word on a reply; one that makes no sense leaves doubt only after the final dot."""
    to = attempt.envelope.address
    domain = domain_of(to.value) if to else None
    outcome = verdict_of(reply, table).outcome(reply.name, clip(reply.text, attempt.envelope), domain=domain)
    return Retry(outcome.code) if isinstance(outcome, Unknown) and not attempt.handed_over else outcome


def _broken(code: str, attempt: _Attempt) -> Outcome:
    return Unknown(code) if attempt.handed_over else Retry(code)


def _not_opened(error: SMTPException | OSError | UnicodeError) -> Outcome:
    """No connection came about: the network, a reply that is not SMTP, or the server will not have us."""
    if isinstance(error, SMTPResponseException):
        reply = Reply(error.code, error.message)
        if reply.code < 400:
            return Retry("garbled_reply")
        # Not one mail was refused but all of them, so none is given up for it.
        outcome = verdict_of(reply, SENDER).outcome(reply.name, clip(reply.text))
        return Retry(outcome.code, signal=outcome.signal, detail=outcome.detail) if isinstance(outcome, Rejected) else outcome
    if isinstance(error, SMTPServerDisconnected | SMTPTimeoutError):
        return Retry("connection_lost")
    if isinstance(error, OSError | UnicodeError | SMTPConnectError):
        code = why_not_open(error)
        return Retry(code, signal=SlowDown(UNTRUSTED_PAUSE) if code == "tls_certificate" else None)
    return Retry("setup", signal=StopChannel("setup"), detail=clip(error.message))
