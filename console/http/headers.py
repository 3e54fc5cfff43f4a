"""What every answer says to browsers, unless its route says something else."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Tokens stand in paths: no page we lead to may learn the address it was reached from.
ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HSTS = "max-age=31536000"  # a year; of subdomains we know nothing


def headers_for(address: str) -> dict[str, str]:
    """address: where people reach us; only where that is https, browsers are told to come back so."""
    return ALWAYS | ({"Strict-Transport-Security": HSTS} if address.lower().startswith("https://") else {})


class Headers:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._app = app
        self._headers = headers_for(address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    said.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)
