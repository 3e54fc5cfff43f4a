"""A service message in the middle of a blast, in real time: one process that schedules and sends, as `kabar up` does."""

from __future__ import annotations

from benchmarks.important import measure
from jobs.reservoir import HORIZON

RATE = 200.0


def test_every_service_message_is_out_within_two_seconds_while_twenty_thousand_others_wait(database_url: str) -> None:
    seen = measure(database_url, people=20_000, rate=RATE, lead=2, every=0.2, asked=12)
    assert len(seen.waits) == 12
    assert seen.blast > RATE * 2  # they were in the middle of it, with HORIZON seconds' worth of others released before them
    assert seen.waits[-1] < 2 < HORIZON
