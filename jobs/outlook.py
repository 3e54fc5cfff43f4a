"""What the valve would say, now or at the next opening, of messages that are not before it. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import facts
from jobs.catalog import Published
from rules.facts import Candidate, Code, Contact, Defer, Person, Reason, Verdict
from rules.judge import judge

_HOURS = (Code.OUTSIDE_WINDOW, Code.NO_HOURS_CONSENT)


@dataclass(frozen=True, slots=True)
class Forecast:
    """at: when it is decided. waits: what it waits for until then, None when it is decided at once."""

    candidate: Candidate
    at: datetime
    verdict: Verdict
    waits: Reason | None = None


def candidate(
    published: Published,
    *,
    id: int,
    person_id: int,
    run_id: int,
    campaign: str,
    channels: Sequence[str],
    category: str,
    topic: str | None,
    window_key: str,
    expires_at: datetime,
    queue_until: datetime | None = None,
) -> Candidate:
    """A message as the rules see it, under these rules."""
    name, hours, _ = published.window(window_key)
    priority = published.policy.category(category).priority
    return Candidate(
        id, person_id, run_id, campaign, tuple(channels), category, topic, priority, name, hours, expires_at, queue_until=queue_until
    )


async def forecasts(connection: AsyncConnection, published: Published, candidates: Sequence[Candidate], now: datetime) -> list[Forecast]:
    """One for each whose person exists, each judged by itself and against what was sent until now."""
    people, history = await facts.of_people(connection, published, list({each.person_id for each in candidates}), now)
    return [
        _forecast(published, each, people[each.person_id], history.get(each.person_id, ()), now)
        for each in candidates
        if each.person_id in people
    ]


def _forecast(published: Published, each: Candidate, person: Person, history: Sequence[Contact], now: datetime) -> Forecast:
    first = judge(each, person, history, published.policy, published.calendar, now)
    if not isinstance(first, Defer) or first.reason.code not in _HOURS:
        return Forecast(each, now, first)
    then = judge(each, person, history, published.policy, published.calendar, first.until)
    return Forecast(each, first.until, then, first.reason)
