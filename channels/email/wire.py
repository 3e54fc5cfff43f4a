"""One SMTP connection that is ready for mail: what is written, and the replies in their order. RFC 5321, RFC 2920."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from channels.email.replies import Reply

LONGEST_REPLY = 64 * 1024
_LINE = re.compile(rb"([2-5]\d\d)(?:([- ])(.*))?", re.DOTALL)


class Lost(Exception):
    """The connection is of no use any more; `code` says why: connection_lost, or garbled_reply for what is not SMTP."""

    def __init__(self, code: str = "connection_lost") -> None:
        self.code = code
        super().__init__(code)


class Wire(asyncio.Protocol):
    """Takes over the transport of a greeted and logged-in connection. One task talks at a time.

    pipelining: the server offers it, so that several commands may be on their way at once
    """

    def __init__(self, transport: asyncio.Transport, *, pipelining: bool) -> None:
        self.pipelining = pipelining
        self._transport = transport
        self._buffer = bytearray()
        self._texts: list[str] = []
        self._replies: list[Reply] = []
        self._owed = 0  # replies still to come that nobody will read
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self.fault: Lost | None = None  # why it is of no use any more
        transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        return self.fault is None and not self._transport.is_closing()

    async def ask(self, data: bytes, replies: int = 1) -> Sequence[Reply]:
        """Write, and wait for so many replies. Fewer come when the connection ends before; raises Lost when none does."""
        if self._owed and not self.pipelining:
            await self._answered(0)
        self._write(data)
        return await self._answered(replies)

    def leave(self, data: bytes, replies: int = 1) -> None:
        """Write what nobody waits for; so many replies are dropped when they come."""
        if self.usable:
            self._transport.write(data)
            self._owed += replies

    def close(self) -> None:
        """At once: what is half said must not reach the server as the beginning of something else."""
        self.fault = self.fault or Lost()
        self._transport.abort()

    def _write(self, data: bytes) -> None:
        if not self.usable:
            raise self.fault or Lost()
        self._transport.write(data)

    async def _answered(self, replies: int) -> Sequence[Reply]:
        self._replies, self._wanted = [], replies
        if self.fault is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter, self._wanted = None, 0
        if self.fault is not None and not self._replies:
            raise self.fault
        return self._replies

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        # After a fault nothing counts any more: what follows garbage may be the reply to anything.
        while self.fault is None and (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            self._line(line)
        if len(self._buffer) + sum(map(len, self._texts)) > LONGEST_REPLY:
            self._break("garbled_reply")

    def _line(self, line: bytes) -> None:
        found = _LINE.fullmatch(line)
        if found is None:
            self._break("garbled_reply")
            return
        self._texts.append((found[3] or b"").decode("utf-8", "replace").strip())
        if found[2] != b"-":
            reply, self._texts = Reply(int(found[1]), "\n".join(self._texts)), []
            self._take(reply)

    def _take(self, reply: Reply) -> None:
        if self._owed:
            self._owed -= 1
        elif len(self._replies) < self._wanted:
            self._replies.append(reply)
        else:
            # Nobody asked: "421 idle too long", mostly. Whatever it is, later replies could not be told apart any more.
            self._break("connection_lost")
        self._wake()

    def _break(self, code: str) -> None:
        self.fault = self.fault or Lost(code)
        self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        done = self.fault is not None or (not self._owed and len(self._replies) == self._wanted)
        if done and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._break("connection_lost")
