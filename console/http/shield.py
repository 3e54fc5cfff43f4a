"""Around every request: a body no larger than it may be, and an answer whatever goes wrong inside."""

from __future__ import annotations

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.http.errors import ApiError, error_response

log = structlog.get_logger()

JSON_LIMIT = 64 * 1024
BATCH_LIMIT = 256 * 1024  # 500 reports of pushes
WEBHOOK_LIMIT = 3 * 1024 * 1024  # what Meta may send


def body_limit(path: str) -> int:
    """Bytes a request to this path may carry."""
    if path == "/v1/receipts/push":
        return BATCH_LIMIT
    return WEBHOOK_LIMIT if path.startswith("/v1/receipts/") else JSON_LIMIT


class Shield:
    """ASGI middleware. What nobody expected is logged without the request's path, which may hold a person's token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, _limited(scope, receive), sending)
        except Exception as error:
            answer = _answer(scope, error)
            if begun:
                raise
            await answer(scope, receive, send)


def _limited(scope: Scope, receive: Receive) -> Receive:
    limit, seen = body_limit(scope["path"]), 0
    declared = int(dict(scope["headers"]).get(b"content-length", b"0"))

    async def reading() -> Message:
        nonlocal seen
        # Refused by its word already, before a byte is taken in.
        message = {} if declared > limit else await receive()
        seen += len(message.get("body", b""))
        if max(declared, seen) > limit:
            raise ApiError(413, "too_large", f"the body may have {limit} bytes at most", {"Connection": "close"})
        return message

    return reading


def _answer(scope: Scope, error: Exception) -> ASGIApp:
    route = getattr(scope.get("route"), "path", None)
    if _database_away(error):
        log.error("http.failed", method=scope["method"], route=route, error=type(error).__name__)
        return error_response(503, "unavailable", "the database does not answer; try again in a moment", {"Retry-After": "5"})
    log.error("http.failed", method=scope["method"], route=route, error=type(error).__name__, exc_info=error)
    return error_response(500, "internal", "this is our fault; it has been logged")


def _database_away(error: Exception) -> bool:
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
