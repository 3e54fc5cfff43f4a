"""Rows of the store as the rules see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from config.values import parse_weekly_hours
from jobs.catalog import Published
from rules.facts import Candidate, Consent, Contact, Person
from store import facts, messages

# A contact counts by when it was sent, and is looked up by when it was released. So long it may have lain in between.
LAIN = timedelta(days=1)
# The same hours are the same object, which the timetables of the rules find fastest.
contact_hours = lru_cache(maxsize=1024)(parse_weekly_hours)


async def of_people(
    connection: AsyncConnection, published: Published, ids: Sequence[int], now: datetime, known: dict[int, Person] | None = None
) -> tuple[Mapping[int, Person], Mapping[int, Sequence[Contact]]]:
    """The people who exist, and what each got as far back as any rule looks; both by person id.

    known: people read before, where nobody changes them meanwhile; those read now are added.
    """
    people = {} if known is None else known
    missing = [each for each in ids if each not in people]
    people.update((row.id, person(row, published)) for row in (await facts.people(connection, missing) if missing else ()))
    history: dict[int, list[Contact]] = {}
    since = now - published.policy.lookback - LAIN
    for row in await messages.history(connection, list(ids), since, now):
        history.setdefault(row.person_id, []).append(Contact._make((*row[1:], 0)))
    if published.digests:
        for row in await messages.carried(connection, list(ids), since, now):
            history.setdefault(row.person_id, []).append(Contact._make(row[1:]))
    return people, history


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


def waiting(row: Any, published: Published, campaigns: Mapping[int, str], not_before: Mapping[str, datetime]) -> Candidate:
    """A row of store.messages.of_people. campaigns: by run id; not_before: when a channel may send again, if not now."""
    # By place, in the order of store.messages.CANDIDATE: this is asked for every message that is looked at.
    id, run_id, person_id, channel, fallback, category, topic, _, key, expires_at, queued_at, queue_until, next_at, attempts, *_ = row
    name, hours, _ = published.window(key)
    ready = [at for at in (next_at, not_before.get(channel)) if at is not None]
    return Candidate(
        id=id,
        person_id=person_id,
        run_id=run_id,
        campaign=campaigns[run_id],
        channels=(channel, *fallback),
        category=category,
        topic=topic,
        priority=published.policy.category(category).priority,
        window_name=name,
        window=hours,
        expires_at=expires_at,
        queued_at=queued_at,
        queue_until=None if attempts else queue_until,  # it did get its turn
        ready_at=max(ready, default=None),
    )
