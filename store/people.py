"""Loading customers: rows are staged in batches, then merged as one set into people, addresses and permissions.

Everything runs in the caller's one transaction on a psycopg connection: the staging tables vanish at its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.sql import SQL, Composable, Composed, Identifier

from store.people_sql import (
    ADDRESSES,
    ANALYZE,
    ANY_FORGOTTEN,
    CHANGED,
    COUNTS,
    CREATE,
    DUPLICATES,
    FORGOTTEN,
    LEFT_OVER,
    OWN_HOURS,
    PARTIAL_HOURS,
    PEOPLE,
    READMITTED,
    RESERVED,
    REVEALED,
    SILENCED,
    WITHDRAWN,
)

Connection = AsyncConnection[Any]

FIELDS = ("name", "locale", "timezone", "portfolio_value", "trades_last_month", "last_trade_on", "birthday", "contact_hours")


class StagedPerson(NamedTuple):
    """One accepted row. consents and attributes are JSON objects as text; digest tells identical duplicates from others."""

    line: int
    digest: int
    customer_no: str
    name: str
    locale: str | None
    timezone: str | None
    portfolio_value: Decimal | None
    trades_last_month: int | None
    last_trade_on: date | None
    birthday: date | None
    contact_hours: str | None
    consents: str
    attributes: str


class Reach(NamedTuple):
    """One address of a person, as the columns of `addresses` have it."""

    sort: str
    kind: str
    value: str
    platform: str | None = None


class Duplicate(NamedTuple):
    """A row whose customer number stood on an earlier line already."""

    line: int
    first_line: int
    identical: bool


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a file speaks about; everything else stays as it is.

    fields:     columns of people
    consents:   channels; of `open_hours` the file knows the consent but not its hours
    attributes: keys
    sorts:      sorts of address
    """

    fields: tuple[str, ...]
    consents: tuple[str, ...] = ()
    open_hours: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    sorts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """Persons that were new, and persons of whom anything changed.

    stopped: offers that will not go for want of a consent taken back
    dead:    addresses in the file that are on the suppression list, and stay there
    refused: consents in the file against an opt-out or a complaint, which hold
    own_hours: persons whose hours in the file are not those they chose themselves, which hold
    """

    inserted: int
    updated: int
    stopped: int
    dead: int
    refused: int
    own_hours: int


async def prepare(connection: Connection) -> None:
    """Create the staging tables; a second import waits here for the first one's end."""
    for statement in CREATE:
        await connection.execute(statement)


async def stage(connection: Connection, people: Iterable[StagedPerson], reaches: Iterable[tuple[int, Reach]]) -> None:
    """Add a batch to what is staged: persons, and addresses by line."""
    await _copy(connection, "staged_people", StagedPerson._fields, people)
    await _copy(connection, "staged_addresses", ("line", *Reach._fields), ((line, *reach) for line, reach in reaches))


async def drop_duplicates(connection: Connection) -> list[Duplicate]:
    """Of the rows with one customer number keep the first; the others, in the order of their lines."""
    await connection.execute(ANALYZE)
    rows = await (await connection.execute(DUPLICATES)).fetchall()
    return sorted(Duplicate(*row) for row in rows)


async def drop_forgotten(connection: Connection) -> dict[int, datetime | None]:
    """Of the rows of customers who were forgotten, line → when; None: the number itself is one that stands for somebody forgotten."""
    if not await any_forgotten(connection):
        return {}
    forgotten = dict(await (await connection.execute(FORGOTTEN)).fetchall())
    forgotten |= {line: None for (line,) in await (await connection.execute(RESERVED)).fetchall()}
    if forgotten:
        await connection.execute(LEFT_OVER)
    return forgotten


async def any_forgotten(connection: Connection) -> bool:
    [(found,)] = await (await connection.execute(ANY_FORGOTTEN)).fetchall()
    return bool(found)


async def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    names = SQL(", ").join(map(Identifier, columns))
    async with (
        connection.cursor() as cursor,
        cursor.copy(SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), names)) as copy,
    ):
        for row in rows:
            await copy.write_row(row)


async def merge(connection: Connection, spoken: Spoken, *, now: datetime, source: str, offers: Sequence[str]) -> Merged:
    """Write what is staged: rows that say nothing new are not touched. A dropped address stays dropped.

    offers: categories that need consent; those waiting for somebody who takes it back are stopped
    """
    values = {
        "now": now,
        "source": source,
        "consents": list(spoken.consents),
        "open_hours": list(spoken.open_hours),
        "attributes": list(spoken.attributes),
        "sorts": list(spoken.sorts),
        "offers": list(offers),
    }
    stopped = (await connection.execute(WITHDRAWN, values)).rowcount if spoken.consents and offers else 0
    await connection.execute(_people_statement(spoken), values)
    await connection.execute(ADDRESSES, values)
    if await any_forgotten(connection):
        await connection.execute(REVEALED)
        await connection.execute(READMITTED)
    [(inserted, updated)] = await (await connection.execute(COUNTS)).fetchall()
    if updated:
        await connection.execute(CHANGED, values)
    [(dead, refused)] = await (await connection.execute(SILENCED)).fetchall()
    [(own_hours,)] = await (await connection.execute(OWN_HOURS)).fetchall() if "contact_hours" in spoken.fields else [(0,)]
    return Merged(inserted, updated, stopped, dead, refused, own_hours)


def _people_statement(spoken: Spoken) -> Composed:
    """PEOPLE with the columns the file has; locale is the one that may not be null, and hours may be the person's own."""
    fields = [field for field in FIELDS if field in spoken.fields]
    staged: dict[str, Composable] = {
        field: SQL("coalesce(s.locale, 'id')") if field == "locale" else SQL("s.{}").format(Identifier(field)) for field in FIELDS
    }
    pairs: dict[str, tuple[Composable, Composable]] = {field: (SQL("p.{}").format(Identifier(field)), staged[field]) for field in fields}
    if "contact_hours" in pairs:
        hours = SQL("CASE WHEN p.hours_chosen_at IS NULL THEN s.contact_hours ELSE p.contact_hours END")
        pairs["contact_hours"] = (SQL("p.contact_hours"), hours)
    consents = SQL("(p.consents - %(consents)s::text[]) || s.consents")
    pairs["consents"] = (SQL("p.consents"), consents + PARTIAL_HOURS if spoken.open_hours else consents)
    pairs["attributes"] = (SQL("p.attributes"), SQL("(p.attributes - %(attributes)s::text[]) || s.attributes"))
    return SQL(PEOPLE).format(
        columns=SQL(", ").join(map(Identifier, FIELDS)),
        staged=SQL(", ").join(staged.values()),
        changes=SQL(", ").join(SQL("{} = {}").format(Identifier(name), new) for name, (_, new) in pairs.items()),
        old=SQL(", ").join(old for old, _ in pairs.values()),
        new=SQL(", ").join(new for _, new in pairs.values()),
    )
