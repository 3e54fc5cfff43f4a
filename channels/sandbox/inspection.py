"""/_sandbox: looking into the sandbox and making it misbehave, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from channels.sandbox.customers import prefers, presses, says
from channels.sandbox.directory import Directory
from channels.sandbox.display import ticks, view
from channels.sandbox.faults import Rule
from channels.sandbox.http import Line, reply
from channels.sandbox.journal import Delivery
from channels.sandbox.templates import Template, Templates
from channels.sandbox.tokens import Tokens
from channels.sandbox.told import told
from channels.sandbox.webhooks import News, Webhooks

_RULES = TypeAdapter(list[Rule])
_TEMPLATES = TypeAdapter(list[Template])


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


class Person(BaseModel):
    """A customer whom the page names by these addresses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    no: Annotated[str, Field(min_length=1)]
    name: str
    addresses: tuple[str, ...]


_PEOPLE = TypeAdapter(list[Person])


class Inspection:
    """The sandbox's own endpoints, none of which a real provider has."""

    def __init__(
        self,
        line: Line,
        tokens: Tokens,
        webhooks: Webhooks,
        templates: Templates,
        directory: Directory,
        now: Callable[[], datetime],
        seed: int,
    ) -> None:
        self._line = line
        self._tokens = tokens
        self._webhooks = webhooks
        self._templates = templates
        self._directory = directory
        self._now = now
        self._seed = seed

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sandbox/health", self.health),
            web.get("/_sandbox/counters", self.counters),
            web.get("/_sandbox/messages", self.messages),
            web.delete("/_sandbox/messages", self.forget),
            web.get("/_sandbox/faults", self.faults),
            web.put("/_sandbox/faults", told(self.set_faults)),
            web.delete("/_sandbox/faults", self.clear_faults),
            web.post("/_sandbox/faults", told(self.add_fault)),
            web.put("/_sandbox/customers", told(self.set_customers)),
            web.put("/_sandbox/templates", told(self.set_templates)),
            web.post("/_sandbox/inbound", told(self.inbound)),
            web.delete("/_sandbox/tokens", self.revoke),
        ]

    async def health(self, request: web.Request) -> web.Response:
        return reply({"status": "ok", "kept": len(self._line.journal), "now": self._now().isoformat()})

    async def counters(self, request: web.Request) -> web.Response:
        channels = {name: counts.as_dict() for name, counts in self._line.journal.counts.items()}
        return reply({**channels, "webhooks": {"url": self._webhooks.url, "lost": self._webhooks.lost}})

    async def messages(self, request: web.Request) -> web.Response:
        query = request.query
        limit, before = query.get("limit", "100"), query.get("before", "")
        for name, value in (("limit", limit), ("before", before or "0")):
            if not value.isdecimal():
                return reply({"error": f'{name} "{value}" is not a number'}, 400)
        customer = query.get("customer")
        found = self._line.journal.find(
            channel=query.get("channel") or None,
            to=partial(self._directory.owns, customer) if customer else query.get("to") or None,
            campaign=query.get("campaign") or None,
            before=int(before) if before else None,
            limit=int(limit),
        )
        return reply({"messages": [self._seen(delivery) for delivery in found]})

    def _seen(self, delivery: Delivery) -> dict[str, object]:
        seen = view(delivery, self._templates, self._directory.of(delivery.to))
        return seen | ({"ticks": ticks(delivery, self._webhooks.receipts, self._seed)} if delivery.channel == "whatsapp" else {})

    async def forget(self, request: web.Request) -> web.Response:
        self._line.journal.clear()
        return web.Response(status=204)

    async def faults(self, request: web.Request) -> web.Response:
        return reply({"rules": [rule.model_dump(exclude_defaults=True) for rule in self._line.faults.rules]})

    async def set_faults(self, request: web.Request) -> web.Response:
        self._line.faults.replace(_RULES.validate_json(await request.read()))
        return await self.faults(request)

    async def add_fault(self, request: web.Request) -> web.Response:
        self._line.faults.add(Rule.model_validate_json(await request.read()))
        return await self.faults(request)

    async def set_customers(self, request: web.Request) -> web.Response:
        for person in _PEOPLE.validate_json(await request.read()):
            self._directory.put(person.no, person.name, person.addresses)
        return web.Response(status=204)

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
