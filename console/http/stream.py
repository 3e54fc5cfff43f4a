"""GET /v1/popups/stream: server-sent events that say "ask again" and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from console.http.access import TheHouse, TheTicket, TheWeb
from console.http.errors import ApiError
from console.http.guards import Ticket, behind
from console.http.streams import Stream, Streams
from jobs.clock import Clock

router = APIRouter(route_class=behind(Ticket()))

RETRY_MS = 5000
FULL_RETRY_S = 60
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Authorization"}


class _EventStream(StreamingResponse):
    """Leaves its place however it ends, also when the first byte never went out."""

    def __init__(self, streams: Streams, stream: Stream, clock: Clock, ends_at: datetime) -> None:
        super().__init__(_lines(streams, stream, clock, ends_at), media_type="text/event-stream", headers=_HEADERS)
        self._streams, self._stream = streams, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.leave(self._stream)


@router.get("/v1/popups/stream", response_class=StreamingResponse)
async def stream(
    web: TheWeb, house: TheHouse, ticket: TheTicket, last_event_id: Annotated[str | None, Header(max_length=64)] = None
) -> Response:
    """Ends with the token. Ask once when it opens: only what happens afterwards is told, or since `Last-Event-ID`."""
    opened = await web.streams.open(ticket.person_id, last_event_id)
    if opened is None:
        headers = {"Retry-After": str(FULL_RETRY_S)}
        raise ApiError(503, "too_many_streams", "this process has as many streams as it takes; ask every poll_after_s meanwhile", headers)
    return _EventStream(web.streams, opened, house.clock, ticket.expires_at)


async def _lines(streams: Streams, stream: Stream, clock: Clock, ends_at: datetime) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n{_id(streams)}\n"
    while not stream.over and (left := (ends_at - clock.now()).total_seconds()) > 0:
        spread = await stream.told(min(streams.heartbeat, left))
        if spread is not None:
            yield f'event: invalidate\ndata: {{"within_s": {spread}}}\n{_id(streams)}\n'
        elif not stream.over:
            # Proxies drop what is silent. An id without data is remembered by the client and shown to nobody.
            yield f": still here\n{_id(streams)}\n"


def _id(streams: Streams) -> str:
    return f"id: {streams.latest}\n" if streams.latest else ""
