"""A sandbox, a client that speaks to it as our adapters would, and a place where its webhooks arrive."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web
from aiosmtplib import SMTP
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from channels.sandbox.server import Sandbox

# google-auth has no annotations of its own for it.
_read: Callable[..., Credentials] = Credentials.from_service_account_file
FCM_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def fcm_error(self) -> str | None:
        details = self.body["error"]["details"]
        return next((item["errorCode"] for item in details if "errorCode" in item), None)

    @property
    def violations(self) -> list[str]:
        details = self.body["error"]["details"]
        return [found["field"] for item in details for found in item.get("fieldViolations", [])]


@dataclass(slots=True)
class Client:
    sandbox: Sandbox
    session: ClientSession
    bearer: str = ""

    async def sign_in(self) -> str:
        """What google-auth does with the credentials file."""
        file = self.sandbox.environment()["KABAR_PUSH__CREDENTIALS_FILE"]
        credentials = _read(file, scopes=[FCM_SCOPE])
        await asyncio.to_thread(credentials.refresh, Request())
        self.bearer = str(credentials.token)
        return self.bearer

    async def push(self, message: Mapping[str, object], **more: object) -> Answer:
        path = "/v1/projects/kabar-sandbox/messages:send"
        return await self.call("POST", path, {"message": message, **more}, self.bearer)

    async def whatsapp(self, body: object, bearer: str = "sandbox-whatsapp") -> Answer:
        environment = self.sandbox.environment()
        return await self.call("POST", f"/v26.0/{environment['KABAR_WHATSAPP__PHONE_NUMBER_ID']}/messages", body, bearer)

    async def call(self, method: str, path: str, body: object = None, bearer: str = "") -> Answer:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        async with self.session.request(method, self.sandbox.base_url + path, json=body, headers=headers) as response:
            raw = await response.read()
            kind = response.headers.get("Content-Type", "")
            return Answer(response.status, json.loads(raw) if "json" in kind else raw, response.headers)

    async def mail(self, to: str, *, key: str = "m1", body: str = "Halo", patience: float = 5) -> str:
        """Send one mail on a connection of its own; the last reply's text."""
        async with SMTP(hostname=self.sandbox.smtp_host, port=self.sandbox.smtp_port, start_tls=False, timeout=patience) as smtp:
            _, reply = await smtp.sendmail(f"b+{key}@bounce.example.com", [to], letter(to, key, body))
        return reply


def letter(to: str, key: str, body: str) -> bytes:
    head = f"From: Kabar <k@example.com>\r\nTo: {to}\r\nSubject: Kabar baik\r\nMessage-ID: <{key}@example.com>\r\n"
    return f"{head}X-Campaign: ultah\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>{body}</p>\r\n".encode()


def template(to: str, text: str = "Budi", *, key: str = "m1", name: str = "ultah") -> dict[str, Any]:
    body = {"type": "body", "parameters": [{"type": "text", "text": text}]}
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "biz_opaque_callback_data": key,
        "template": {"name": name, "language": {"code": "id"}, "components": [body]},
    }


def banner(token: str, tag: str = "m1") -> dict[str, Any]:
    return {
        "token": token,
        "notification": {"title": "Selamat", "body": "Halo Budi"},
        "data": {"link": "app://home"},
        "android": {"notification": {"tag": tag}},
        "fcmOptions": {"analyticsLabel": "ultah"},
    }


@asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[Client]:
    """A started sandbox and a signed-in client."""
    async with (
        Sandbox(credentials_file=folder / "credentials.json", **options) as sandbox,
        ClientSession(timeout=ClientTimeout(total=5)) as session,
    ):
        client = Client(sandbox, session)
        await client.sign_in()
        yield client


@dataclass(slots=True)
class Hook:
    """Where webhooks arrive. Refuses the first `refusals` posts."""

    url: str = ""
    refusals: int = 0
    values: list[dict[str, Any]] = field(default_factory=list)
    unsigned: int = 0
    raws: list[bytes] = field(default_factory=list)

    @property
    def statuses(self) -> list[dict[str, Any]]:
        return [status for value in self.values for status in value.get("statuses", [])]

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        wanted = "sha256=" + hmac.new(b"sandbox-secret", raw, hashlib.sha256).hexdigest()
        self.unsigned += request.headers.get("X-Hub-Signature-256") != wanted
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=503)
        self.raws.append(raw)
        self.values += [change["value"] for entry in json.loads(raw)["entry"] for change in entry["changes"]]
        return web.Response()

    async def verify(self, request: web.Request) -> web.Response:
        good = request.query["hub.verify_token"] == "sandbox-verify"
        return web.Response(text=request.query["hub.challenge"] if good else "no")


@asynccontextmanager
async def listening() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.add_routes([web.post("/", hook.take), web.get("/", hook.verify)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        hook.url = f"http://{host}:{port}/"
        yield hook
    finally:
        await runner.cleanup()
