"""Customer events: stored once by their id, planned once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store import erased
from store.statements import JSON, LONGS, rows, run, sql

_ADD = sql(
    """INSERT INTO events (event_id, name, person_id, data, received_at)
       SELECT :event_id, :name, p.id, :data, :now FROM people p WHERE p.customer_no = :customer_no AND p.forgotten_at IS NULL
       FOR KEY SHARE OF p
       ON CONFLICT (event_id) DO NOTHING RETURNING id""",
    data=JSON,
)
_KNOWN = sql("SELECT EXISTS (SELECT FROM people WHERE customer_no = :customer_no AND forgotten_at IS NULL) AS known")
_TAKE = sql("SELECT id, name, received_at FROM events WHERE planned_at IS NULL ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED")
_MARK = sql("UPDATE events SET planned_at = :now WHERE id = ANY(:ids) AND planned_at IS NULL", ids=LONGS)
_NOTIFY = sql("SELECT pg_notify('kabar', 'event')")


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    name: str
    received_at: datetime


class UnknownCustomer(LookupError):
    """No such customer number."""


class ForgottenCustomer(UnknownCustomer):
    """A customer who was erased: nothing that happens to them is told here any more."""


async def add(connection: AsyncConnection, *, event_id: str, name: str, customer_no: str, data: Mapping[str, Any], now: datetime) -> bool:
    """False when this event id is known already. Raises UnknownCustomer, or ForgottenCustomer, which is one."""
    added = await rows(connection, _ADD, event_id=event_id, name=name, customer_no=customer_no, data=dict(data), now=now)
    if added:
        await connection.execute(_NOTIFY)
    elif not (await rows(connection, _KNOWN, customer_no=customer_no))[0].known:
        raise (ForgottenCustomer if await erased.tombstone(connection, customer_no) else UnknownCustomer)(customer_no)
    return bool(added)


async def take_unplanned(connection: AsyncConnection, limit: int) -> Sequence[Event]:
    """Lock a batch of new events; two planners never take the same."""
    return [Event(**row._asdict()) for row in await rows(connection, _TAKE, limit=limit)]


async def mark_planned(connection: AsyncConnection, ids: list[int], now: datetime) -> None:
    await run(connection, _MARK, ids=ids, now=now)
