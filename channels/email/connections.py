"""SMTP connections, opened with TLS and login as configured, kept and used again."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtplib import SMTP, SMTPException

from channels.email.settings import EmailSettings, Security

QUIT_SECONDS = 1.0


@dataclass(slots=True)
class Connections:
    """Idle connections, the one used last on top, so that those not needed go stale and are closed by the server."""

    settings: EmailSettings
    _context: ssl.SSLContext | None = field(default=None, init=False)
    _idle: list[SMTP] = field(default_factory=list, init=False)

    async def start(self) -> None:
        if self.settings.security is not Security.NONE:
            # Reading the system's authorities takes tens of ms: once, not once a connection.
            self._context = await asyncio.to_thread(ssl.create_default_context)
            if self.settings.ca_file is not None:
                self._trust(self._context, self.settings.ca_file)

    @staticmethod
    def _trust(context: ssl.SSLContext, file: Path) -> None:
        try:
            context.load_verify_locations(file)
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(f"{file} holds no certificates in PEM: {error.strerror or type(error).__name__}") from error

    def kept(self) -> SMTP | None:
        """A connection that has been used before; the server may have closed it without our knowing yet."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_connected:
                return connection
        return None

    def keep(self, connection: SMTP) -> None:
        if connection.is_connected:
            self._idle.append(connection)

    async def open(self) -> SMTP:
        """A new connection, greeted and logged in. Raises SMTPException, OSError."""
        settings = self.settings
        connection = SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.security is Security.TLS,
            start_tls=settings.security is Security.STARTTLS,
            tls_context=self._context,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            timeout=None,
        )
        try:
            await connection.connect()
            await connection.ehlo()
        except BaseException:
            connection.close()
            raise
        return connection

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(_quit, idle))


async def _quit(connection: SMTP) -> None:
    try:
        async with asyncio.timeout(QUIT_SECONDS):
            await connection.quit()
    except (SMTPException, OSError, TimeoutError):
        connection.close()
