"""A submission server that takes every mail, unless a fault says otherwise."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Mapping

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from channels.sandbox.faults import DROP_AFTER, DROP_BEFORE, GARBAGE, HANG, Rule, Stage, Verdict
from channels.sandbox.http import LEFT, Line

_KEY = re.compile(rb"^message-id:\s*<?([^@>\s]+)", re.IGNORECASE | re.MULTILINE)
_CAMPAIGN = re.compile(rb"^(?:x-campaign|feedback-id):[ \t]*([^:\s]+)", re.IGNORECASE | re.MULTILINE)
_SEAL = re.compile(r"-[a-z2-7]{10}@")
_PLAIN = re.compile(r"<([\w.+=-]+@[\w.-]+)>\s*(.*)")
_LONGEST_LINE = 998
_TOO_LONG = "500 5.5.2 Line too long"
LARGEST = 32 * 1024 * 1024
_NONSENSE = "%% xyzzy"


class Connection(SMTP):
    """aiosmtpd's protocol in our own loop; it knows its peers so that a stop leaves none behind."""

    # As the limit of the stream it bounds a stretch of content; aiosmtpd checks the length of commands separately.
    line_length_limit = LARGEST

    def __init__(self, line: Line, open_ones: set[Connection]) -> None:
        super().__init__(
            Mailroom(line),
            hostname="sandbox.kabar",
            ident="Kabar sandbox",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=_welcome,
            loop=asyncio.get_running_loop(),
        )
        self._line, self._open_ones = line, open_ones

    async def smtp_DATA(self, arg: str | None) -> None:
        """The same as aiosmtpd's, without its loop over lines, which takes most of the time of a mail."""
        if self.envelope is None or self.session is None or not self.envelope.rcpt_tos or arg:
            await self.push("503 5.5.1 DATA comes after RCPT and stands alone")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            self.envelope.original_content = await self._content()
            status = await self.event_handler.handle_DATA(self, self.session, self.envelope)
        except asyncio.CancelledError:
            self._line.journal.drop("email", LEFT, to=", ".join(self.envelope.rcpt_tos), key=_named(self.envelope))
            raise
        self.envelope = self._create_envelope()
        await self.push(status)

    async def _content(self) -> bytes:
        data = bytearray()
        while data != b".\r\n" and not data.endswith(b"\r\n.\r\n"):
            data += await self._reader.readuntil(b".\r\n")
        # RFC 5321 4.5.2: the dot in front of a line that starts with one is not content.
        return bytes(b"\r\n" + data[:-3]).replace(b"\r\n.", b"\r\n")[2:]

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Plain addresses without the parser of RFC 5322, which is slow enough to be the limit."""
        match = _PLAIN.fullmatch(arg)
        return (match[1], match[2]) if match else super()._getaddr(arg)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._open_ones.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._open_ones.discard(self)
        super().connection_lost(error)

    def abort(self) -> None:
        """Break the connection with no goodbye."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    async def ended(self) -> None:
        if self._handler_coroutine is not None:
            await asyncio.gather(self._handler_coroutine, return_exceptions=True)


class Mailroom:
    """aiosmtpd's handler for one connection. Faults are judged at RCPT, by recipient and return path (VERP names the message)."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._verdicts: dict[str, Verdict] = {}

    async def handle_EHLO(self, server: Connection, session: Session, envelope: Envelope, hostname: str, responses: list[str]) -> list[str]:
        # Commands are read off one by one as they come, so that they may come together.
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RSET(self, server: Connection, session: Session, envelope: Envelope) -> str:
        self._verdicts.clear()
        return "250 2.0.0 Ok"

    async def handle_RCPT(self, server: Connection, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        # The seal behind the key is another one in every installation, and the same rules are to fault the same messages.
        verdict = self._line.faults.judge("email", address, _SEAL.sub("@", envelope.mail_from or ""))
        if refusal := await self._misbehave(server, {address: verdict}, envelope, "rcpt"):
            return refusal
        self._verdicts[address] = verdict
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Connection, session: Session, envelope: Envelope) -> str:
        if max(map(len, (envelope.original_content or b"").split(b"\r\n"))) > _LONGEST_LINE:
            self._line.journal.reject("email", _TOO_LONG, to=", ".join(envelope.rcpt_tos), key=_named(envelope))
            return _TOO_LONG
        verdicts = {address: self._verdicts.get(address, Verdict()) for address in envelope.rcpt_tos}
        self._verdicts.clear()
        rule = next((rule for verdict in verdicts.values() if (rule := verdict.at("data"))), None)
        queue_id = secrets.token_hex(5).upper()
        if rule is None or rule.accepted:
            self._accept(envelope, queue_id, answered=rule is None)
        refusal = await self._misbehave(server, verdicts, envelope, "data")
        if refusal is None:
            self._send_back(envelope, verdicts)
        return refusal or f"250 2.0.0 Ok: queued as {queue_id}"

    def _accept(self, envelope: Envelope, queue_id: str, *, answered: bool) -> None:
        raw = envelope.original_content or b""
        head = raw[: raw.find(b"\r\n\r\n")]
        for to in envelope.rcpt_tos:
            self._line.journal.accept(
                "email",
                to=to,
                key=_found(_KEY, head),
                campaign=_found(_CAMPAIGN, head),
                provider_id=queue_id,
                raw=raw,
                answered=answered,
            )

    def _send_back(self, envelope: Envelope, verdicts: Mapping[str, Verdict]) -> None:
        raw = envelope.original_content or b""
        for recipient, verdict in verdicts.items():
            if rule := verdict.at("bounce"):
                self._line.journal.reject("email", f"{rule.kind} (sent back)", to=recipient, key=_named(envelope))
                to, head = envelope.mail_from or "", raw[: raw.find(b"\r\n\r\n")]
                self._line.returns.send_back(rule.kind, to=to, recipient=recipient, head=head)

    async def _misbehave(self, server: Connection, verdicts: Mapping[str, Verdict], envelope: Envelope, stage: Stage) -> str | None:
        """The reply a fault gives at this stage, None when there is none. Dropped connections and hanging ones end inside."""
        if delay := max(verdict.delay(stage) for verdict in verdicts.values()):
            await asyncio.sleep(delay)
        fault = next(((address, rule) for address, verdict in verdicts.items() if (rule := verdict.at(stage))), None)
        return None if fault is None else await self._reply(server, *fault, _named(envelope))

    async def _reply(self, server: Connection, address: str, rule: Rule, key: str) -> str:
        if rule.kind not in (DROP_BEFORE, DROP_AFTER, GARBAGE, HANG):
            self._line.journal.reject("email", rule.kind, to=address, key=key)
            return rule.kind if " " in rule.kind else f"{rule.kind} sandbox fault"
        self._line.journal.drop("email", rule.kind, to=address, key=key)
        if rule.kind == GARBAGE:
            return _NONSENSE
        if rule.kind != HANG:
            server.abort()
        # The end of the connection cancels this handler.
        await self._line.closing.wait()
        return "421 4.3.2 Closing"


class MailServer:
    """Listens on one socket until stopped."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: Connection(self._line, self._open), sock=listener)

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        connections = list(self._open)
        for connection in connections:
            connection.abort()
        for connection in connections:
            await connection.ended()
        await self._server.wait_closed()


def _welcome(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    """Whoever logs in is let in; nobody has to."""
    return AuthResult(success=True)


def _named(envelope: Envelope) -> str:
    """The message a return path names (VERP): what stands between + and @ without its seal, else all of it."""
    local = _SEAL.sub("@", envelope.mail_from or "").partition("@")[0]
    return local.partition("+")[2] or (envelope.mail_from or "")


def _found(pattern: re.Pattern[bytes], head: bytes) -> str:
    match = pattern.search(head)
    return match[1].decode("ascii", "replace") if match else ""
