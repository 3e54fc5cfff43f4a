"""Who got what lately, at a glance, and a stream that says when there is more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from aiohttp import web

from channels.sandbox.directory import Customer, Directory
from channels.sandbox.http import Line, reply
from channels.sandbox.journal import Delivery
from channels.sandbox.webhooks import Webhooks

LISTED = 60  # customers; there is a search
PACE = 0.4  # seconds between two words, however much comes in
HEARTBEAT = 15.0


class Overview:
    """GET /_sandbox/overview?q= and /_sandbox/stream."""

    def __init__(self, line: Line, directory: Directory, webhooks: Webhooks) -> None:
        self._line = line
        self._directory = directory
        self._webhooks = webhooks

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/_sandbox/overview", self.overview), web.get("/_sandbox/stream", self.stream)]

    async def overview(self, request: web.Request) -> web.Response:
        kept = list(self._line.journal)
        answer = {
            "kept": len(kept),
            "customers": self._customers(reversed(kept), request.query.get("q", "").casefold()),
            "campaigns": sorted({delivery.campaign for delivery in kept if delivery.campaign}),
            "channels": {name: counts.as_dict() for name, counts in self._line.journal.counts.items()},
            "webhooks": {"url": self._webhooks.url, "lost": self._webhooks.lost},
            "rules": [rule.model_dump(exclude_defaults=True) for rule in self._line.faults.rules],
        }
        return reply(answer)

    def _customers(self, newest_first: Iterable[Delivery], wanted: str) -> list[dict[str, object]]:
        """The last to get something first; `wanted` is part of a name, number or address."""
        found: dict[Customer, Counter[str]] = {}
        for delivery in newest_first:
            customer = self._directory.of(delivery.to)
            if customer in found or (len(found) < LISTED and wanted in f"{customer.name} {customer.no} {delivery.to}".casefold()):
                found.setdefault(customer, Counter())[delivery.channel] += 1
        return [
            {"no": customer.no, "name": customer.name, "known": customer.no != customer.name, "messages": dict(counts)}
            for customer, counts in found.items()
        ]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the number of the newest message, as soon as there is a newer one."""
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await answer.prepare(request)
        journal, told = self._line.journal, -1
        while not self._line.closing.is_set():
            if journal.newest != told:
                told = journal.newest
                await answer.write(f"data: {told}\n\n".encode())
                await asyncio.sleep(PACE)
            elif not await self._more(told):
                await answer.write(b": still here\n\n")
        return answer

    async def _more(self, told: int) -> bool:
        """Wait for a message after number `told`, or for the end; False when a heartbeat is due first."""
        waits = [asyncio.ensure_future(self._line.journal.reached(told + 1)), asyncio.ensure_future(self._line.closing.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return bool(done)
