"""The back office: tells of customers' deposits over HTTP, each under an id of its own, again and again until it is answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from random import Random
from threading import Event, Thread
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.chaos.fleet import KEY

AGAIN = 0.2  # seconds until an unanswered call is made again
TWICE = 0.1  # of the calls are repeated though they were answered


class Caller:
    """Use it as a context manager. acknowledged: ids the web process said it has. repeats: calls made again for want of an answer."""

    def __init__(self, web: str, event: str, customers: Sequence[str], *, events: int, seconds: float, seed: int) -> None:
        self._web, self._event = web, event
        self._chance, self._over = Random(seed), Event()
        self._gap, self._left = seconds / events, SimpleQueue[tuple[str, str]]()
        self.acknowledged: set[str] = set()
        self.repeats = self.refused = 0
        self.total = events
        for number in range(events):
            self._left.put((f"deposit-{number}", self._chance.choice(customers)))
        self._thread = Thread(target=self._call, name="caller", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def done(self) -> bool:
        return len(self.acknowledged) == self.total

    def _call(self) -> None:
        while not self._over.wait(self._gap):
            try:
                number, customer = self._left.get_nowait()
            except Empty:
                return
            body = json.dumps({"event": self._event, "event_id": number, "customer_no": customer}).encode()
            while not self._answered(body):
                self.repeats += 1
                if self._over.wait(AGAIN):
                    return
            self.acknowledged.add(number)
            if self._chance.random() < TWICE:
                self._answered(body)

    def _answered(self, body: bytes) -> bool:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        try:
            with urlopen(Request(f"{self._web}/v1/events", body, headers), timeout=5) as answer:
                return int(answer.status) == 202
        except HTTPError as error:
            self.refused += error.code < 500
            return False
        except (URLError, OSError, ValueError):
            return False
