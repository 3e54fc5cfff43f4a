"""A provider that takes everything at once, and tells by webhook that every tenth message arrived."""

from __future__ import annotations

import asyncio
import hmac
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

import uvloop
from aiohttp import ClientError, ClientSession, web
from pydantic_core import to_json

SECRET = "soak-secret"
EVERY = 10  # messages to one report
WEBHOOK = 250  # reports in one
REPEAT_AFTER = 1.0  # seconds after a webhook nobody took, as Meta repeats its own


class Sink:
    """Counts messages; reports go to `house` once it is known."""

    def __init__(self) -> None:
        self.taken = 0
        self.house = ""
        self._reports: asyncio.Queue[str] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        self.taken += 1
        wamid = f"wamid.{self.taken}"
        if self.taken % EVERY == 0:
            self._reports.put_nowait(wamid)
        return web.json_response({"messages": [{"id": wamid}]})

    async def report(self) -> None:
        """Until it is cancelled."""
        async with ClientSession() as session:
            while True:
                wamids = [await self._reports.get()]
                while len(wamids) < WEBHOOK and not self._reports.empty():
                    wamids.append(self._reports.get_nowait())
                await self._post(session, _webhook(wamids))

    async def _post(self, session: ClientSession, body: bytes) -> None:
        signature = "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()
        while True:
            with suppress(ClientError, OSError):
                async with session.post(self.house, data=body, headers={"X-Hub-Signature-256": signature}) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(REPEAT_AFTER)


def _webhook(wamids: list[str]) -> bytes:
    statuses = [{"id": wamid, "status": "delivered", "timestamp": "1800000000", "recipient_id": "62"} for wamid in wamids]
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"}, "statuses": statuses}
    return to_json({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]})


def _serve(pipe: Connection) -> None:
    """Tells its port, is told the webhook's address, and at the end how many messages it took."""

    async def run() -> None:
        sink = Sink()
        app = web.Application()
        app.add_routes([web.post("/{tail:.*}", sink.take)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pipe.send(runner.addresses[0][1])
        sink.house = await asyncio.to_thread(pipe.recv)
        reports = asyncio.create_task(sink.report())
        await asyncio.to_thread(pipe.recv)
        reports.cancel()
        await runner.cleanup()
        pipe.send(sink.taken)

    uvloop.run(run())


@contextmanager
def provider() -> Iterator[Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield ours
    finally:
        process.terminate()
        process.join()
