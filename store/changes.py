"""For whom the answer to "which pop-up now?" may have changed: told by NOTIFY as a transaction commits, heard in one order by all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from store.connection import hear
from store.statements import LONGS, run, sql

CHANNEL = "popup"  # a stop of another channel changes nothing here
NAMED = 3000  # people told of one by one in a transaction; more are told as everybody

# A payload holds less than 8,000 bytes: 300 ids of 19 digits. On the copy of a rehearsal (store/scratch.py) nothing happens to anybody.
_TELL = sql(
    """SELECT pg_notify('kabar_popups', pg_current_xact_id() || ':' || string_agg(CAST(person AS text), ','))
       FROM (SELECT person, (row_number() OVER ()) / 300 AS part FROM unnest(:people) AS person) AS told
       WHERE to_regclass('pg_temp.popups') IS NULL GROUP BY part""",
    people=LONGS,
)
_TELL_ALL = sql("SELECT pg_notify('kabar_popups', pg_current_xact_id() || ':*') WHERE to_regclass('pg_temp.popups') IS NULL")


@dataclass(frozen=True, slots=True)
class Change:
    """id: of the transaction. people: their ids; None = everybody."""

    id: str
    people: frozenset[int] | None

    def concerns(self, person_id: int) -> bool:
        return self.people is None or person_id in self.people


async def tell(connection: AsyncConnection, people: Collection[int]) -> None:
    """These people's apps should ask again, once this transaction has committed."""
    if len(people) > NAMED:
        await tell_everybody(connection)
    elif people:
        await run(connection, _TELL, people=sorted(set(people)))


async def tell_everybody(connection: AsyncConnection) -> None:
    await run(connection, _TELL_ALL)


async def listen(conninfo: str) -> AsyncGenerator[Change | None]:
    """None as soon as nothing is missed any more, then every change as it commits. Raises psycopg.Error or OSError at its end."""
    async with aclosing(hear(conninfo, "kabar_popups")) as told:
        async for payload in told:
            yield None if payload is None else _read(payload)


def _read(payload: str) -> Change:
    name, _, people = payload.partition(":")
    return Change(name, None if people == "*" else frozenset(map(int, people.split(","))))
