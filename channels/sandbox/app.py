"""A customer's app, so that pop-ups can be looked at: its page, and the tiny back end that gets it a recipient's token."""

from __future__ import annotations

from typing import Annotated

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels.sandbox.http import reply
from channels.sandbox.pages import Pages

TOKEN_S = 900
_PATIENCE = ClientTimeout(total=5)
_LOCAL = ("127.0.0.1", "localhost", "::1")


class _Login(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    customer_no: Annotated[str, Field(min_length=1, max_length=200)]


class App:
    """GET /app, GET /app/config, POST /app/token. kabar: the base address of `kabar web`; key: its API key, None = not set."""

    def __init__(self, pages: Pages, kabar: str | None, key: str | None) -> None:
        self._pages = pages
        self._kabar, self._key = (kabar or "").rstrip("/"), key

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/app", self.page), web.get("/app/config", self.config), web.post("/app/token", self.token)]

    async def page(self, request: web.Request) -> web.Response:
        """As strict as an app's own page would be: no inline script or style."""
        policy = (
            f"default-src 'none'; script-src 'self' {self._kabar}; style-src 'self'; img-src 'self'; connect-src 'self' {self._kabar}; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
        )
        return self._pages.html("app.html", policy)

    async def config(self, request: web.Request) -> web.Response:
        return reply({"endpoint": self._kabar})

    async def token(self, request: web.Request) -> web.Response:
        # Whoever asks becomes that customer: only pages of this server may, whatever name another site gives to this address.
        if request.url.host not in _LOCAL or request.content_type != "application/json":
            return reply({"error": "this back end serves its own page only"}, 403)
        try:
            login = _Login.model_validate_json(await request.read())
        except ValidationError:
            return reply({"error": 'send {"customer_no": …}'}, 400)
        if not self._kabar or not self._key:
            return reply({"error": "the sandbox has no API key of Kabar's; set KABAR_HTTP__API_KEY for both and start them again"}, 503)
        return await self._ask({"customer_no": login.customer_no, "ttl_s": TOKEN_S})

    async def _ask(self, wanted: dict[str, object]) -> web.Response:
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            async with (
                ClientSession(timeout=_PATIENCE) as session,
                session.post(f"{self._kabar}/v1/popups/tokens", json=wanted, headers=headers) as answer,
            ):
                body = await answer.json(content_type=None)
        except (TimeoutError, ClientError, ValueError):
            return reply({"error": f"Kabar does not answer at {self._kabar}; is `kabar up` running?"}, 502)
        return reply({"token": body["token"]} if answer.status == 200 else {"error": str(body.get("message", ""))}, answer.status)
