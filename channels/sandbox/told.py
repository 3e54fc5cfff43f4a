"""A handler whose caller is told what is wrong in the body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from pydantic import ValidationError

from channels.sandbox.http import reply

Handler = Callable[[web.Request], Awaitable[web.Response]]


def told(handler: Handler) -> Handler:
    """Answers a body that does not fit with what is wrong in it."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
            return reply({"error": "; ".join(faults)}, 400)

    return answer
