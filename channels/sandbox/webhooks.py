"""Meta's webhooks: signed posts of what became of a message and of what customers answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from aiohttp import ClientError, ClientSession, ClientTimeout

from channels.sandbox.people import contact
from channels.sandbox.tally import draw

BATCH, QUEUE = 100, 200_000
LONGEST_PAUSE = 60.0
_NUMBERS = frozenset({"from", "wa_id", "recipient_id"})
TIMEOUT = ClientTimeout(total=20)


@dataclass(frozen=True, slots=True)
class Receipts:
    """How customers' phones behave, and how badly the network delivers the news.

    delivered, read: shares of the messages, read of all and not of the delivered
    pace:            seconds between sent, delivered and read
    copies:          how often each status is posted
    shuffled:        whether statuses are posted out of order, within a batch
    """

    delivered: float = 0.95
    read: float = 0.6
    pace: float = 0.0
    copies: int = 1
    shuffled: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell: an item of the list `items` ("statuses", "messages" …) in a change of `field`.

    items: empty where the item is the change's whole value
    who:   the person it is about, by number or user id
    at:    when it was told, epoch seconds
    """

    field: str
    items: str
    item: dict[str, object]
    who: str = ""
    at: int = 0


class Webhooks:
    """Posts in order, up to 100 items at once, and repeats a post until it is answered 200, as Meta does for days.

    taken: told of the items of a batch when all of them were taken.
    """

    def __init__(
        self,
        url: str | None,
        app_secret: str,
        phone_number_id: str,
        receipts: Receipts,
        *,
        seed: int = 0,
        pause: float = 1.0,
        taken: Callable[[Sequence[Mapping[str, object]]], None] = lambda items: None,
    ) -> None:
        self.url = url
        self.receipts = receipts
        self.lost = 0
        self.hides: Callable[[str], bool] = lambda who: False
        self._secret = app_secret.encode()
        self._phone_number_id = phone_number_id
        self._seed = seed
        self._pause = pause
        self._on_taken = taken
        self._queue: asyncio.Queue[News] = asyncio.Queue(QUEUE)
        self._session: ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._session = ClientSession(timeout=TIMEOUT)
        self._task = asyncio.create_task(self._run(self._session))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def tell(self, *news: News, pace: float = 0.0) -> None:
        """Queue news, one `pace` seconds after the other. Without an address nobody listens; too long a queue loses the newest."""
        if self.url is None:
            return
        for step, item in enumerate(news):
            if pace and step:
                asyncio.get_running_loop().call_later(pace * step, self._put, item)
            else:
                self._put(item)

    async def settled(self) -> None:
        """Wait until everything queued so far was taken."""
        await self._queue.join()

    async def verify(self, verify_token: str, challenge: str = "1158201444") -> bool:
        """The handshake Meta makes when a webhook address is set: the challenge must come back."""
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        if self._session is None or self.url is None:
            return False
        async with self._session.get(self.url, params=query) as response:
            return response.status == 200 and await response.text() == challenge

    def signature(self, raw: bytes) -> str:
        """X-Hub-Signature-256 of a body."""
        return "sha256=" + hmac.new(self._secret, raw, hashlib.sha256).hexdigest()

    def _put(self, item: News) -> None:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            self.lost += 1

    async def _run(self, session: ClientSession) -> None:
        for number in count():
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            for body in self._bodies(batch, number):
                await self._post(session, json.dumps(body).encode())
            self._on_taken([item.item for item in batch])
            for _ in batch:
                self._queue.task_done()

    async def _post(self, session: ClientSession, raw: bytes) -> None:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": self.signature(raw)}
        pause = self._pause
        while not await self._taken(session, raw, headers):
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _taken(self, session: ClientSession, raw: bytes, headers: dict[str, str]) -> bool:
        try:
            async with session.post(self.url or "", data=raw, headers=headers) as response:
                return response.status == 200
        except (ClientError, TimeoutError):
            return False

    def _bodies(self, batch: Sequence[News], number: int) -> list[dict[str, object]]:
        news = list(batch) * self.receipts.copies
        if self.receipts.shuffled:
            order = [draw(self._seed, "shuffle", number, place) for place in range(len(news))]
            news = [item for _, item in sorted(zip(order, news, strict=True), key=lambda pair: pair[0])]
        return [self._envelope(run) for run in _runs(news, lambda item: (item.field, item.items))]

    def _envelope(self, news: Sequence[News]) -> dict[str, object]:
        value = self._list(news) if news[0].items else news[0].item
        entry = {"id": "sandbox-waba", "time": news[0].at, "changes": [{"field": news[0].field, "value": value}]}
        return {"object": "whatsapp_business_account", "entry": [entry]}

    def _list(self, news: Sequence[News]) -> dict[str, object]:
        people = dict.fromkeys(item.who for item in news if item.who)
        return {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550001111", "phone_number_id": self._phone_number_id},
            "contacts": [contact(who, hidden=self.hides(who)) for who in people],
            news[0].items: [self._shown(item) for item in news],
        }

    def _shown(self, news: News) -> dict[str, object]:
        """Without the number of those who hide it."""
        return {name: value for name, value in news.item.items() if name not in _NUMBERS or not self.hides(news.who)}


def _runs(news: Sequence[News], key: Callable[[News], tuple[str, str]]) -> list[list[News]]:
    """Neighbours of one kind together, in the order they came."""
    runs: list[list[News]] = []
    for item in news:
        if runs and item.items and key(runs[-1][0]) == key(item):
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs
