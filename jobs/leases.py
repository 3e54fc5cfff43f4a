"""What follows from KABAR_LEASE: for how long a process may hold a message before others take it for stranded."""

from __future__ import annotations

from datetime import timedelta

from config.settings import Settings

# Parts of the lease. A block waits for its turn for PATIENCE, and each of its sends takes up to its account's deadline, which is at
# most LONGEST_SEND: together they stay below the lease with a tenth of it to spare, so that no lease runs out in a living hand.
PATIENCE = 0.4
LONGEST_SEND = 0.5
_NUDGE = 1 / 4  # a chunk without a job, or whose worker has not been heard of for as long, gets another
_HEARTBEAT = 1 / 12  # of workers; as often it is looked for what is stranded


def lease(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.lease)


def patience(settings: Settings) -> timedelta:
    """What of a block has had no turn by then goes back."""
    return lease(settings) * PATIENCE


def nudge_after(settings: Settings) -> timedelta:
    """As long a job may wait in the queue, and a worker be silent, before its chunk counts as forgotten."""
    return lease(settings) * _NUDGE


def heartbeat(settings: Settings) -> float:
    """Seconds."""
    return settings.lease * _HEARTBEAT
