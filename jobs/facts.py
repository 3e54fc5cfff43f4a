"""Rows of the store as the rules see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from config.values import parse_weekly_hours
from jobs.catalog import Published
from rules.facts import Candidate, Consent, Contact, Person
from store import facts, messages

# The same hours are the same object, which the timetables of the rules find fastest.
contact_hours = lru_cache(maxsize=1024)(parse_weekly_hours)


async def of_people(
    connection: AsyncConnection, published: Published, ids: Sequence[int], now: datetime
) -> tuple[Mapping[int, Person], Mapping[int, Sequence[Contact]]]:
    """The people who exist, and what each got as far back as any rule looks; both by person id."""
    people = {row.id: person(row, published) for row in await facts.people(connection, list(ids))}
    history: dict[int, list[Contact]] = {}
    since = now - published.policy.lookback
    for row in await messages.history(connection, list(ids), since):
        history.setdefault(row.person_id, []).append(_contact(row, carried=False))
    if published.digests:
        for row in await messages.carried(connection, list(ids), since):
            history.setdefault(row.person_id, []).append(_contact(row, carried=True))
    return people, history


def _contact(row: Any, *, carried: bool) -> Contact:
    return Contact(row.id, row.run_id, row.channel, row.category, row.topic, row.at, carried)


def person(row: Any, published: Published) -> Person:
    """A row of store.facts.people."""
    sorts = set(row.sorts)
    return Person(
        id=row.id,
        zone=row.timezone or published.config.rules.timezone,
        contact_hours=contact_hours(row.contact_hours) if row.contact_hours else None,
        consents={
            channel: Consent(bool(given.get("marketing")), contact_hours(given["hours"]) if given.get("hours") else None)
            for channel, given in row.consents.items()
        },
        opted_out=frozenset(row.opted_out),
        reachable=frozenset(
            name for name, channel in published.channels.items() if channel.addresses is None or channel.addresses in sorts
        ),
    )


def waiting(rows: Iterable[Any], published: Published, campaigns: Mapping[int, str], not_before: Mapping[str, datetime]) -> list[Candidate]:
    """Rows of store.messages.candidates. campaigns: by run id; not_before: when a channel may send again, if not now."""
    return [_candidate(row, published, campaigns[row.run_id], not_before.get(row.channel)) for row in rows]


def _candidate(row: Any, published: Published, campaign: str, not_before: datetime | None) -> Candidate:
    name, hours, _ = published.window(row.window_key)
    ready = [at for at in (row.next_attempt_at, not_before) if at is not None]
    return Candidate(
        id=row.id,
        person_id=row.person_id,
        run_id=row.run_id,
        campaign=campaign,
        channels=(row.channel, *row.fallback),
        category=row.category,
        topic=row.topic,
        priority=published.policy.category(row.category).priority,
        window_name=name,
        window=hours,
        expires_at=row.expires_at,
        queued_at=row.queued_at,
        queue_until=None if row.attempts else row.queue_until,  # it did get its turn
        ready_at=max(ready, default=None),
    )
