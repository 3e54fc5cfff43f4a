"""Which web pages' scripts may call the app's endpoints: those of KABAR_HTTP__APP_ORIGINS, and no other endpoint at all."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

PATHS = ("/v1/popups", "/v1/popups/events", "/v1/popups/stream")  # not /tokens: its key belongs on no phone
PREFLIGHT_S = 600


class Cors:
    """ASGI middleware. Without origins nothing is answered that would not be answered anyway."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "Cache-Control"),
            expose_headers=("ETag", "Kabar-Time", "Retry-After"),
            max_age=PREFLIGHT_S,
        )
        self._some = bool(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._some and scope["type"] == "http" and scope["path"] in PATHS
        await (self._open if asked else self._app)(scope, receive, send)
