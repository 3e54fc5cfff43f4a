"""/_sandbox: looking into the sandbox and making it misbehave, over HTTP; and the page that shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from channels.sandbox.customers import prefers, presses, says
from channels.sandbox.display import view
from channels.sandbox.faults import Rule
from channels.sandbox.http import Line, reply
from channels.sandbox.templates import Template, Templates
from channels.sandbox.tokens import Tokens
from channels.sandbox.webhooks import News, Webhooks

_RULES = TypeAdapter(list[Rule])
_TEMPLATES = TypeAdapter(list[Template])
_PAGE = Path(__file__).with_name("page.html")
# Content comes from the sender under test: nothing in it may load or run anything.
_POLICY = (
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "font-src 'none'; media-src 'none'; object-src 'none'; form-action 'self'; base-uri 'none'"
)


class Inbound(BaseModel):
    """What a customer does: type `text`, press a button with `payload`, or set the marketing preference to `value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sender: Annotated[str, Field(alias="from", pattern=r"^\+?\d{6,15}$")]
    kind: Literal["text", "button", "preference"] = "text"
    text: str = ""
    payload: str = ""
    message: str = ""
    value: Literal["stop", "resume"] = "stop"

    def news(self, now: datetime) -> News:
        match self.kind:
            case "text":
                return says(self.sender, self.text, now)
            case "button":
                return presses(self.sender, self.payload, self.text, self.message, now)
            case "preference":
                return prefers(self.sender, self.value, now)


class Inspection:
    """The sandbox's own endpoints, none of which a real provider has."""

    def __init__(self, line: Line, tokens: Tokens, webhooks: Webhooks, templates: Templates, now: Callable[[], datetime]) -> None:
        self._line = line
        self._tokens = tokens
        self._webhooks = webhooks
        self._templates = templates
        self._now = now
        self._html = _PAGE.read_bytes()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.page),
            web.get("/_sandbox/health", self.health),
            web.get("/_sandbox/counters", self.counters),
            web.get("/_sandbox/messages", self.messages),
            web.delete("/_sandbox/messages", self.forget),
            web.get("/_sandbox/faults", self.faults),
            web.put("/_sandbox/faults", _told(self.set_faults)),
            web.delete("/_sandbox/faults", self.clear_faults),
            web.put("/_sandbox/templates", _told(self.set_templates)),
            web.post("/_sandbox/inbound", _told(self.inbound)),
            web.delete("/_sandbox/tokens", self.revoke),
        ]

    async def page(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return web.Response(body=self._html, content_type="text/html", charset="utf-8", headers=headers)

    async def health(self, request: web.Request) -> web.Response:
        return reply({"status": "ok", "kept": len(self._line.journal), "now": self._now().isoformat()})

    async def counters(self, request: web.Request) -> web.Response:
        channels = {name: counts.as_dict() for name, counts in self._line.journal.counts.items()}
        return reply({**channels, "webhooks": {"url": self._webhooks.url, "lost": self._webhooks.lost}})

    async def messages(self, request: web.Request) -> web.Response:
        query = request.query
        limit = query.get("limit", "100")
        if not limit.isdigit():
            return reply({"error": f'limit "{limit}" is not a number'}, 400)
        found = self._line.journal.find(
            channel=query.get("channel") or None,
            to=query.get("to") or None,
            campaign=query.get("campaign") or None,
            limit=int(limit),
        )
        return reply({"messages": [view(delivery, self._templates) for delivery in found]})

    async def forget(self, request: web.Request) -> web.Response:
        self._line.journal.clear()
        return web.Response(status=204)

    async def faults(self, request: web.Request) -> web.Response:
        return reply({"rules": [rule.model_dump(exclude_defaults=True) for rule in self._line.faults.rules]})

    async def set_faults(self, request: web.Request) -> web.Response:
        self._line.faults.replace(_RULES.validate_json(await request.read()))
        return await self.faults(request)

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._line.faults.clear()
        return web.Response(status=204)

    async def set_templates(self, request: web.Request) -> web.Response:
        for template in _TEMPLATES.validate_json(await request.read()):
            self._templates.put(template)
        return web.Response(status=204)

    async def inbound(self, request: web.Request) -> web.Response:
        if self._webhooks.url is None:
            return reply({"error": "no webhook_url is set: nobody would hear it"}, 409)
        self._webhooks.tell(Inbound.model_validate_json(await request.read()).news(self._now()))
        return web.Response(status=202)

    async def revoke(self, request: web.Request) -> web.Response:
        self._tokens.revoke()
        return web.Response(status=204)


Handler = Callable[[web.Request], Awaitable[web.Response]]


def _told(handler: Handler) -> Handler:
    """Answers a body that does not fit with what is wrong in it."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
            return reply({"error": "; ".join(faults)}, 400)

    return answer
