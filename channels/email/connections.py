"""SMTP connections, opened with TLS and login as configured, kept and used again."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from aiosmtplib import SMTP, SMTPException

from channels.email.settings import EmailSettings, Security
from channels.email.wire import Lost, Wire

QUIT_SECONDS = 1.0


@dataclass(slots=True)
class Connections:
    """Idle connections, the one used last on top, so that those not needed go stale and are closed by the server."""

    settings: EmailSettings
    _context: ssl.SSLContext | None = field(default=None, init=False)
    _name: str | None = field(default=None, init=False)
    _idle: list[Wire] = field(default_factory=list, init=False)

    async def start(self) -> None:
        # What EHLO calls us, and the system's authorities: each takes from tens of ms to seconds, so once, not once a connection.
        self._name = await asyncio.to_thread(socket.getfqdn)
        if self.settings.security is not Security.NONE:
            self._context = await asyncio.to_thread(ssl.create_default_context)
            if self.settings.ca_file is not None:
                self._trust(self._context, self.settings.ca_file)

    @staticmethod
    def _trust(context: ssl.SSLContext, file: Path) -> None:
        try:
            context.load_verify_locations(file)
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(f"{file} holds no certificates in PEM: {error.strerror or type(error).__name__}") from error

    def kept(self) -> Wire | None:
        """A connection that has been used before; the server may have closed it without our knowing yet."""
        while self._idle:
            wire = self._idle.pop()
            if wire.usable:
                return wire
            wire.close()
        return None

    def keep(self, wire: Wire) -> None:
        if wire.usable:
            self._idle.append(wire)

    async def open(self) -> Wire:
        """A new connection, greeted and logged in. Raises SMTPException, OSError, and UnicodeError for a host that is no name."""
        settings = self.settings
        client = SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=self._name,
            use_tls=settings.security is Security.TLS,
            start_tls=settings.security is Security.STARTTLS,
            tls_context=self._context,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            timeout=None,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:  # what was offered before TLS does not count
                await client.ehlo()
        except BaseException:
            client.close()
            raise
        return Wire(cast(asyncio.Transport, client.transport), pipelining=client.supports_extension("pipelining"))

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(_quit, idle))


async def _quit(wire: Wire) -> None:
    try:
        # A courtesy: every mail has had its answer, and a server that has gone, or says nothing, owes us none.
        with suppress(Lost, TimeoutError):
            async with asyncio.timeout(QUIT_SECONDS):
                await wire.ask(b"QUIT\r\n")
    finally:
        wire.close()


def why_not_open(error: SMTPException | OSError | UnicodeError) -> str:
    """Which part of opening failed: dns, tls_certificate, tls or connect."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case socket.gaierror() | UnicodeError():
                return "dns"
            case ssl.SSLCertVerificationError():
                return "tls_certificate"
            case ssl.SSLError():
                return "tls"
        cause = cause.__cause__
    return "connect"
