"""The sandbox as one object: three providers on two free ports, for demos and tests alike."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

from aiohttp import web

from channels.sandbox.app import App
from channels.sandbox.cloud import BEARER, PHONE_NUMBER_ID, Cloud
from channels.sandbox.cloud_knobs import Knobs
from channels.sandbox.cloud_rules import Conduct
from channels.sandbox.customers import moves, prefers, presses, says, template_news
from channels.sandbox.directory import Directory
from channels.sandbox.faults import Faults
from channels.sandbox.fcm import Fcm
from channels.sandbox.http import Line
from channels.sandbox.inspection import Inspection
from channels.sandbox.journal import Delivery, Journal
from channels.sandbox.mail import MailServer
from channels.sandbox.overview import Overview
from channels.sandbox.pages import Pages
from channels.sandbox.returns import Returns
from channels.sandbox.templates import Templates
from channels.sandbox.tokens import PROJECT, Tokens
from channels.sandbox.webhooks import Receipts, Webhooks

DOMAIN = "kabar.example.com"
SHARED = "sandbox-secret"
HANDSHAKE = "sandbox-verify"
BACKLOG = 1024


def wall_clock() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """Emulates FCM, the WhatsApp Cloud API and an SMTP server. Use it as an async context manager, or start and stop it.

    webhook_url: where WhatsApp posts statuses and replies; may be set later, before the first message
    bounces_to:  where mails are sent back by faults of stage `bounce`: host:port of an LMTP server, or a maildir
    keep:        how many messages stay in memory to be looked at
    kabar:       where `kabar web` answers, and its API key: for the pop-ups of the app that is shown
    """

    def __init__(
        self,
        *,
        credentials_file: Path,
        host: str = "127.0.0.1",
        http_port: int = 0,
        smtp_port: int = 0,
        log_file: Path | None = None,
        seed: int = 0,
        receipts: Receipts = Receipts(),
        webhook_url: str | None = None,
        bounces_to: str | None = None,
        webhook_pause: float = 1.0,
        app_secret: str = SHARED,
        verify_token: str = HANDSHAKE,
        keep: int = 20_000,
        kabar: tuple[str, str | None] | None = None,
        now: Callable[[], datetime] = wall_clock,
    ) -> None:
        self._host, self._ports = host, (http_port, smtp_port)
        self._credentials_file = credentials_file
        self._app_secret, self._verify_token = app_secret, verify_token
        self._now, self._seed = now, seed
        self.faults = Faults(seed)
        self.journal = Journal(now, log_file, keep=keep)
        self.templates = Templates()
        self.directory = Directory()
        self.kabar = kabar
        self.tokens = Tokens(now, credentials_file)
        told = partial(self.journal.told, "whatsapp")
        self.webhooks = Webhooks(webhook_url, app_secret, PHONE_NUMBER_ID, receipts, seed=seed, pause=webhook_pause, taken=told)
        self.returns = Returns(bounces_to)
        self._line = Line(self.journal, self.faults, self.returns)
        self.conduct = Conduct(now, seed)
        self.webhooks.hides = self.conduct.hides
        self._cloud = Cloud(self._line, self.webhooks, self.templates, self.conduct, now, seed)
        self._mail = MailServer(self._line)
        self._runner: web.AppRunner | None = None
        self._bound: tuple[int, int] | None = None

    async def start(self) -> None:
        """Bind, write the credentials file, serve. Raises OSError for a taken port, FileExistsError for foreign credentials."""
        with ExitStack() as stack:
            http, smtp = (stack.enter_context(listener) for listener in self._listeners())
            self._bound = (http.getsockname()[1], smtp.getsockname()[1])
            await asyncio.to_thread(self.tokens.write_credentials, f"{self.base_url}/token")
            self.journal.open()
            stack.pop_all()
        self._line.closing.clear()
        await self.webhooks.start()
        await self._mail.start(smtp)
        # A caller that gives up ends its handler, or every `hang` would stay until the stop.
        self._runner = web.AppRunner(self._application(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, http, backlog=BACKLOG).start()

    async def stop(self) -> None:
        """Break what is open and close the log; idempotent."""
        self._line.closing.set()
        await self._mail.stop()
        await self.returns.settled()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.webhooks.stop()
        self.journal.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        return f"http://{self._host}:{self._port(0)}"

    @property
    def smtp_host(self) -> str:
        return self._host

    @property
    def smtp_port(self) -> int:
        return self._port(1)

    @property
    def deliveries(self) -> list[Delivery]:
        """What was accepted and is still kept, the oldest first."""
        return list(self.journal)

    def environment(self) -> dict[str, str]:
        """What to set so that Kabar talks to this sandbox."""
        return {
            "KABAR_PUSH__ENDPOINT": self.base_url,
            "KABAR_PUSH__TOKEN_URI": f"{self.base_url}/token",
            "KABAR_PUSH__PROJECT": PROJECT,
            "KABAR_PUSH__CREDENTIALS_FILE": str(self._credentials_file.resolve()),
            "KABAR_WHATSAPP__ENDPOINT": self.base_url,
            "KABAR_WHATSAPP__PHONE_NUMBER_ID": PHONE_NUMBER_ID,
            "KABAR_WHATSAPP__TOKEN": BEARER,
            "KABAR_WHATSAPP__APP_SECRET": self._app_secret,
            "KABAR_WHATSAPP__VERIFY_TOKEN": self._verify_token,
            "KABAR_EMAIL__HOST": self.smtp_host,
            "KABAR_EMAIL__PORT": str(self.smtp_port),
            "KABAR_EMAIL__SECURITY": "none",
            "KABAR_EMAIL__SENDER": f"Kabar <kabar@{DOMAIN}>",
            "KABAR_EMAIL__BOUNCE_DOMAIN": f"bounce.{DOMAIN}",
        }

    def customer_says(self, phone: str, text: str) -> None:
        """A customer types a WhatsApp message, such as BERHENTI."""
        self.webhooks.tell(says(phone, text, self._now()))

    def customer_presses(self, phone: str, payload: str, *, label: str = "", message: str = "") -> None:
        """A customer presses a quick reply; `message` is the wamid it stood under."""
        self.webhooks.tell(presses(phone, payload, label, message, self._now()))

    def customer_prefers(self, phone: str, value: str) -> None:
        """A customer turns WhatsApp marketing off (`stop`) or on again (`resume`)."""
        self.webhooks.tell(prefers(phone, value, self._now()))

    def customer_moves(self, phone: str, new: str) -> None:
        """A customer takes WhatsApp to another number."""
        self.webhooks.tell(moves(phone, new, self._now()))

    def template_is(self, name: str, event: str, language: str = "id") -> None:
        """Meta says APPROVED, PAUSED, REJECTED, DISABLED … of a template, and keeps to it where it is registered."""
        if language in self.templates.get(name, {}):
            self.templates.say(name, language, event)
        self.webhooks.tell(template_news(name, language, event, self._now()))

    async def verify_webhook(self) -> bool:
        """Meta's handshake with webhook_url."""
        return await self.webhooks.verify(self._verify_token)

    def _listeners(self) -> Iterator[socket.socket]:
        for port in self._ports:
            yield socket.create_server((self._host, port), backlog=BACKLOG)

    def _port(self, which: int) -> int:
        if self._bound is None:
            raise RuntimeError("the sandbox has no ports before start()")
        return self._bound[which]

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.add_routes(Fcm(self._line, self.tokens).routes())
        app.add_routes(self._cloud.routes())
        app.add_routes(Knobs(self).routes())
        app.add_routes(Inspection(self._line, self.tokens, self.webhooks, self.templates, self.directory, self._now, self._seed).routes())
        app.add_routes(Overview(self._line, self.directory, self.webhooks).routes())
        pages = Pages(self.journal)
        app.add_routes(pages.routes())
        app.add_routes(App(pages, *(self.kabar or (None, None))).routes())
        return app
