"""A message of `first: [whatsapp, email]` that must go by its second channel waits in that channel's lane, not in front of the first's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.reservoir import Reservoir
from rules.arbitration import Decision
from rules.facts import Candidate, Contact, Person, Release
from rules.judge import judge
from store import messages


async def keep_to(
    connection: AsyncConnection,
    found: Reservoir,
    decisions: Sequence[Decision],
    people: Mapping[int, Person],
    history: Mapping[int, Sequence[Contact]],
    now: datetime,
) -> list[Decision]:
    """The decisions without releases into a lane that is held.

    What would go by a later channel, and finds no room or a stop there, is moved there: else its like could fill the front of a lane
    that has room for those behind them.
    """
    kept = [
        (candidate, None if isinstance(verdict, Release) and (candidate.run_id, verdict.channel) not in found.lanes else verdict)
        for candidate, verdict in decisions
    ]
    moves: dict[int, str] = {}
    for candidate, verdict in kept:
        if verdict is None and len(candidate.channels) > 1:
            channel = _channel(candidate, found, people, history, now)
            if channel is not None and channel != candidate.channels[0]:
                moves[candidate.id] = channel
    if moves:
        await messages.move(connection, list(moves), list(moves.values()))
    return kept


def _channel(
    candidate: Candidate, found: Reservoir, people: Mapping[int, Person], history: Mapping[int, Sequence[Contact]], now: datetime
) -> str | None:
    told, published = history.get(candidate.person_id, ()), found.published
    verdict = judge(candidate, people[candidate.person_id], told, published.policy, published.calendar, now)
    return verdict.channel if isinstance(verdict, Release) else None
