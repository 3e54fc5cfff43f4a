"""Around every request: a body no larger and no slower than it may be, and an answer whatever goes wrong inside."""

from __future__ import annotations

import asyncio

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.http.errors import ApiError, error_response
from jobs.mishaps import is_outage

log = structlog.get_logger()

JSON_LIMIT = 64 * 1024
BATCH_LIMIT = 256 * 1024  # 500 reports of pushes
WEBHOOK_LIMIT = 3 * 1024 * 1024  # what Meta may send

CLOSE = {"Connection": "close"}


def body_limit(path: str) -> int:
    """Bytes a request to this path may carry."""
    if path == "/v1/receipts/push":
        return BATCH_LIMIT
    return WEBHOOK_LIMIT if path.startswith("/v1/receipts/") else JSON_LIMIT


class Shield:
    """ASGI middleware. What nobody expected is logged without the request's path, which may hold a person's token."""

    def __init__(self, app: ASGIApp, body_seconds: float) -> None:
        self._app, self._body_seconds = app, body_seconds

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
            if _ambiguous(scope):
                raise ApiError(400, "bad_request", "send either Content-Length or Transfer-Encoding", CLOSE)
            await self._app(scope, _limited(scope, receive, self._body_seconds), sending)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception as error:
            answer = _answer(scope, error)
            if begun:
                raise
            await answer(scope, receive, send)


def _ambiguous(scope: Scope) -> bool:
    """Two words on where a request ends: a proxy may have believed the other one."""
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names and b"transfer-encoding" in names


def _limited(scope: Scope, receive: Receive, seconds: float) -> Receive:
    limit, seen, whole = body_limit(scope["path"]), 0, False
    declared = int(dict(scope["headers"]).get(b"content-length", b"0"))
    ends = asyncio.get_running_loop().time() + seconds

    async def reading() -> Message:
        nonlocal seen, whole
        if whole:
            return await receive()
        # Refused by its word already, before a byte is taken in.
        message = {} if declared > limit else await _by(ends, receive)
        seen += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if max(declared, seen) > limit:
            raise ApiError(413, "too_large", f"the body may have {limit} bytes at most", CLOSE)
        return message

    return reading


async def _by(ends: float, receive: Receive) -> Message:
    try:
        async with asyncio.timeout_at(ends):
            return await receive()
    except TimeoutError:
        raise ApiError(408, "too_slow", "the body took too long", CLOSE) from None


def _answer(scope: Scope, error: Exception) -> ASGIApp:
    if isinstance(error, ApiError):
        return error_response(error.status_code, error.code, error.detail, error.headers)
    route = getattr(scope.get("route"), "path", None)
    if is_outage(error):
        log.error("http.failed", method=scope["method"], route=route, error=type(error).__name__)
        return error_response(503, "unavailable", "the database does not answer; try again in a moment", {"Retry-After": "5"})
    log.error("http.failed", method=scope["method"], route=route, error=type(error).__name__, exc_info=error)
    return error_response(500, "internal", "this is our fault; it has been logged")
