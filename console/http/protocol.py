"""HTTP/1.1 as uvicorn speaks it, with an end to what a caller could draw out, and our own words for what is no HTTP.

How long a body may take is the shield's business.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.http.headers import ALWAYS
from console.http.patience import Patience

HEAD_BYTES = 16 * 1024  # of one request, its line included

_GARBLED = json.dumps({"error": "bad_request", "message": "this is not HTTP/1.1"}).encode()


class Protocol(H11Protocol):
    """One connection."""

    patience = Patience()
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.patience.connections:
            transport.close()
            return
        self._deadline = self.loop.call_later(self.patience.head, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._disarm()
        elif self._deadline is None:
            # Of the next request only a part is there, or what is left of a body that nobody wanted.
            self._deadline = self.loop.call_later(self.patience.head, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """In the shape of our other errors. Where an answer has begun, or is over, nothing more can be said."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = ALWAYS | {"Content-Type": "application/json", "Content-Length": str(len(_GARBLED)), "Connection": "close"}
            said: list[Any] = [h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")]
            said += [h11.Data(data=_GARBLED), h11.EndOfMessage()]
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in said))
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.close()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def patient(patience: Patience) -> type[Protocol]:
    """For uvicorn, which makes one of them for each connection."""
    return type("Patient", (Protocol,), {"patience": patience})
