"""One HTTP exchange with a provider, as the faults in force let it go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from channels.sandbox.faults import DROP_AFTER, DROP_BEFORE, GARBAGE, HANG, ChannelName, Faults, Rule
from channels.sandbox.journal import Journal
from channels.sandbox.returns import Returns

LEFT = "left"  # the caller gave up before its answer
NONSENSE = b"<html><head><title>502 Bad Gateway</title></head><body>\x00\xff upstream"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message as a provider's parser understood it, and its answers.

    accept:  puts it into the journal (told whether the sender will hear of it) and returns the provider's good answer
    refuse:  the provider's error for a rule's code
    """

    channel: ChannelName
    to: str
    key: str
    accept: Callable[[bool], web.Response]
    refuse: Callable[[Rule], web.Response]


@dataclass(frozen=True, slots=True)
class Line:
    """What the provider emulators share."""

    journal: Journal
    faults: Faults
    returns: Returns = field(default_factory=Returns)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, request: web.Request, exchange: Exchange) -> web.Response:
        """Answer one well-formed request, unless a fault strikes."""
        verdict = self.faults.judge(exchange.channel, exchange.to, exchange.key)
        if delay := verdict.delay("answer"):
            await self._wait(exchange, delay)
        rule = verdict.at("answer")
        if rule is None:
            rule = verdict.at("webhook")
            return exchange.accept(True) if rule is None else self._refuse(exchange, rule)
        return await self._misbehave(request, exchange, rule)

    async def _wait(self, exchange: Exchange, delay: float) -> None:
        try:
            await asyncio.sleep(delay)
        except asyncio.CancelledError:
            self.journal.drop(exchange.channel, LEFT, to=exchange.to, key=exchange.key)
            raise

    def _refuse(self, exchange: Exchange, rule: Rule) -> web.Response:
        self.journal.reject(exchange.channel, rule.kind, to=exchange.to, key=exchange.key)
        return exchange.refuse(rule)

    async def _misbehave(self, request: web.Request, exchange: Exchange, rule: Rule) -> web.Response:
        if rule.accepted:
            exchange.accept(False)
        if rule.kind not in (DROP_BEFORE, DROP_AFTER, GARBAGE, HANG):
            return self._refuse(exchange, rule)
        self.journal.drop(exchange.channel, rule.kind, to=exchange.to, key=exchange.key)
        if rule.kind == GARBAGE:
            return web.Response(body=NONSENSE, content_type="text/html")
        if rule.kind != HANG and request.transport is not None:
            request.transport.abort()
        # Both end here: a dropped connection cancels its handler, a hanging one waits for the caller to give up.
        await self.closing.wait()
        return web.Response(status=503)


def reply(body: object, status: int = 200, retry_after: float | None = None) -> web.Response:
    """A JSON answer."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json", headers=headers)
