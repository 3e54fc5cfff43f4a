"""Days of blasts, one after another, with the machine's and the database's size looked at after each."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from tests.soak.daemon import live
from tests.soak.measure import Day, look
from tests.soak.provider import provider

COUNTS = "SELECT count(*), count(*) FILTER (WHERE status IN ('sent', 'delivered')), min(queued_at)::date FROM messages"


@dataclass(frozen=True, slots=True)
class Soaked:
    """taken: messages the provider took. kept: messages still in the database, of these `sent` went."""

    days: list[Day]
    taken: int
    kept: int
    sent: int


def soak(uri: str, *, days: int, people: int, tell: Callable[[int, Day], None] = lambda _number, _day: None) -> Soaked:
    """uri: an empty database. A message to everybody each day."""
    seen: list[Day] = []
    with provider() as sink:
        ours, theirs = multiprocessing.Pipe()
        daemon = multiprocessing.get_context("spawn").Process(target=live, args=(theirs, uri, sink.recv(), people))
        daemon.start()
        theirs.close()
        try:
            sink.send(ours.recv())
            for number in range(1, days + 1):
                began = time.monotonic()
                ours.send(f"day {number}")
                ours.recv()
                assert daemon.pid is not None
                seen.append(look(daemon.pid, uri, time.monotonic() - began))
                tell(number, seen[-1])
            ours.send("")
            daemon.join()
        finally:
            daemon.terminate()
            daemon.join()
        sink.send("stop")
        taken = sink.recv()
    with psycopg.connect(uri) as connection:
        row = connection.execute(COUNTS).fetchone()
    assert row is not None
    return Soaked(seen, taken, row[0], row[1])
