"""Who waits to hear that their pop-ups changed: one LISTEN a web process, fanned out to every open stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import psycopg
import structlog

from store.changes import Change, listen

log = structlog.get_logger()

PER_PERSON = 8
PER_PROCESS = 5000
REMEMBERED = 500  # changes; who comes back after more of them is told to ask
SPREAD_S = 30  # apps that are all told at once ask within so long, each at a moment of its own
RECONNECT_AFTER = 1.0
PATIENCE = 2.0  # a stream opens without the database rather than not at all


class Stream:
    """One open connection of an app. What it is told is one word, so that however much happens nothing piles up."""

    def __init__(self, person_id: int) -> None:
        self.person_id = person_id
        self.over = False
        self._spread: int | None = None
        self._woken = asyncio.Event()

    def tell(self, spread: int) -> None:
        self._spread = spread if self._spread is None else min(spread, self._spread)
        self._woken.set()

    def end(self) -> None:
        self.over = True
        self._woken.set()

    async def told(self, within: float) -> int | None:
        """Wait: seconds over which to spread the next question, or None when nothing changed, or it is over."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), within)
        spread, self._spread = self._spread, None
        if not self.over:
            self._woken.clear()
        return spread


class Streams:
    """The streams of one process. Nobody listens until the first one opens."""

    def __init__(self, conninfo: str, *, per_person: int = PER_PERSON, limit: int = PER_PROCESS, heartbeat: float = 15.0) -> None:
        self.heartbeat = heartbeat
        self._conninfo = conninfo
        self._per_person, self._limit = per_person, limit
        self._open: dict[int, list[Stream]] = {}
        self._count = 0
        self._closed = False
        self._wanted, self._listening = asyncio.Event(), asyncio.Event()
        self._past: deque[Change] = deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        return self._count

    @property
    def latest(self) -> str:
        """Id of the last change heard of; "" when there was none since we listen."""
        return self._past[-1].id if self._past else ""

    async def open(self, person_id: int, last_event_id: str | None) -> Stream | None:
        """A stream that tells from now on, and at once if the person's answer may have changed since `last_event_id`.

        None when this process has as many as it takes. A person's oldest stream gives way to a new one: a phone that lost its
        connection leaves a dead one behind.
        """
        self._wanted.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._listening.wait(), PATIENCE)
        if self._closed or self._count >= self._limit:
            return None
        stream = Stream(person_id)
        own = self._open.setdefault(person_id, [])
        own.append(stream)
        self._count += 1
        if len(own) > self._per_person:
            own[0].end()
        if last_event_id is not None and self._missed(person_id, last_event_id):
            stream.tell(0)
        return stream

    def leave(self, stream: Stream) -> None:
        own = self._open.get(stream.person_id, [])
        if stream in own:
            own.remove(stream)
            self._count -= 1
        if not own:
            self._open.pop(stream.person_id, None)

    def _missed(self, person_id: int, last_event_id: str) -> bool:
        ids = [change.id for change in self._past]
        # From its first appearance: of a transaction's several notices only one may have been told.
        if last_event_id not in ids:
            return True
        return any(change.concerns(person_id) for change in list(self._past)[ids.index(last_event_id) + 1 :])

    async def run(self) -> None:
        """Listen, once somebody wants to hear, until cancelled; a lost connection is made again."""
        await self._wanted.wait()
        while True:
            with suppress(psycopg.Error, OSError):
                async with aclosing(listen(self._conninfo)) as changes:
                    await self._hear(changes)
            self._listening.clear()
            log.warning("listener.lost", reconnect_after=RECONNECT_AFTER)
            await asyncio.sleep(RECONNECT_AFTER)

    async def _hear(self, changes: AsyncIterator[Change | None]) -> None:
        async for change in changes:
            if change is None:
                self._begin()
            else:
                self._past.append(change)
                self._pass_on(change)

    def _begin(self) -> None:
        """What was missed while nobody listened concerns everybody."""
        self._past.clear()
        self._tell_all()
        self._listening.set()

    def _pass_on(self, change: Change) -> None:
        if change.people is None:
            self._tell_all()
            return
        for person_id in change.people & self._open.keys():
            for stream in self._open[person_id]:
                stream.tell(0)

    def _tell_all(self) -> None:
        for own in self._open.values():
            for stream in own:
                stream.tell(SPREAD_S)

    def close(self) -> None:
        """End every stream at once; no new ones open."""
        self._closed = True
        for own in self._open.values():
            for stream in own:
                stream.end()
