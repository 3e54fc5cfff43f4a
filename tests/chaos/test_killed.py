"""Promise 1 in small: real processes, real kills, fifteen hundred messages."""

from __future__ import annotations

from random import SystemRandom

from tests.chaos.killed import SHORT, keep


def test_nothing_is_lost_and_nothing_silently_doubled_when_processes_are_killed() -> None:
    seed = SystemRandom().randrange(10**6)
    verdict = keep(seed, SHORT)
    assert not verdict.breaches, f"seed {seed}: {verdict}"
