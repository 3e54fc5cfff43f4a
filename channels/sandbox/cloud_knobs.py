"""/_sandbox/whatsapp: how strict Meta is, what it says of a template, and customers who change their numbers."""

from __future__ import annotations

from typing import Annotated, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from channels.sandbox.cloud_rules import Behaviour, Conduct
from channels.sandbox.http import reply
from channels.sandbox.told import told


class Number(BaseModel):
    """A customer takes WhatsApp from one number to another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    old: Annotated[str, Field(alias="from", pattern=r"^\+?\d{6,15}$")]
    new: Annotated[str, Field(alias="to", pattern=r"^\+?\d{6,15}$")]


class Word(BaseModel):
    """What Meta says of a template."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    language: str = "id"
    event: Annotated[str, Field(pattern=r"^[A-Z_]+$")]


class Business(Protocol):
    """What of the sandbox can be turned here."""

    conduct: Conduct

    def customer_moves(self, phone: str, new: str) -> None: ...
    def template_is(self, name: str, event: str, language: str = "id") -> None: ...


class Knobs:
    """None of these is a real provider's."""

    def __init__(self, business: Business) -> None:
        self._business = business

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sandbox/whatsapp", self.show),
            web.put("/_sandbox/whatsapp", told(self.set)),
            web.post("/_sandbox/whatsapp/template", told(self.template)),
            web.post("/_sandbox/whatsapp/number", told(self.number)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return reply(self._business.conduct.behaviour.model_dump())

    async def set(self, request: web.Request) -> web.Response:
        self._business.conduct.behaviour = Behaviour.model_validate_json(await request.read())
        return await self.show(request)

    async def template(self, request: web.Request) -> web.Response:
        word = Word.model_validate_json(await request.read())
        self._business.template_is(word.name, word.event, word.language)
        return web.Response(status=202)

    async def number(self, request: web.Request) -> web.Response:
        change = Number.model_validate_json(await request.read())
        self._business.customer_moves(change.old, change.new)
        return web.Response(status=202)
