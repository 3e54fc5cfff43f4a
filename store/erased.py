"""What is left of the forgotten in other statements: a keyed hash in place of a number or an address, by which it is known again.

The key is a row of the database, made with it: whoever has both can try out all phone numbers there are. docs/privacy.md says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, rows, sql
from store.suppressed import key

MARK = "erased:"  # in front of every hash, so that none is taken for an address
PSEUDONYM = "forgotten:"  # in front of a person's id, in place of a customer number


def veiled(text: str) -> str:
    """HMAC-SHA-256 of an SQL expression, in hex."""
    inner = f"sha256((SELECT inner_pad FROM erasure_key) || convert_to({text}, 'UTF8'))"
    return f"encode(sha256((SELECT outer_pad FROM erasure_key) || {inner}), 'hex')"


def customer(number: str) -> str:
    """The key of a tombstone, of an SQL expression for a customer number."""
    return veiled(f"'customer:' || {number}")


def address(row: str) -> str:
    """What stands in place of an address, of an alias with sort and value."""
    named = f"{row}.sort || ':' || {key(row)}"
    return f"'{MARK}' || {veiled(named)}"


def digest(text: str) -> str:
    """Of an id that somebody else made, and that may hold an address: WhatsApp's do. A repeat of it is known all the same."""
    return f"'{MARK}' || left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), 32)"


def stored(row: str) -> str:
    """The value of an alias with sort and value as suppressions have it: hashed where only the forgotten had the address."""
    return f"""CASE WHEN EXISTS (SELECT FROM addresses e WHERE e.value = {address(row)} AND e.sort = {row}.sort)
                     AND NOT EXISTS (SELECT FROM addresses h WHERE h.value = {row}.value AND h.sort = {row}.sort)
                    THEN {address(row)} ELSE {key(row)} END"""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """person_id: of what is left; None where nobody was there when it was set."""

    id: int
    person_id: int | None
    forgotten_at: datetime
    forgotten_by: str
    reason: str


_OF = sql(
    f"""SELECT id, person_id, forgotten_at, forgotten_by, reason FROM tombstones
        WHERE key = {customer("CAST(:customer_no AS text)")} AND readmitted_at IS NULL"""
)
_GONE = sql(
    f"""SELECT a.value FROM unnest(:sorts, :values) AS a(sort, value)
        WHERE EXISTS (SELECT FROM addresses e WHERE e.value = {address("a")} AND e.sort = a.sort)
          AND NOT EXISTS (SELECT FROM addresses h WHERE h.value = a.value AND h.sort = a.sort)""",
    sorts=TEXTS,
    values=TEXTS,
)
_NOBODYS = sql(
    "SELECT m.id FROM messages m JOIN people p ON p.id = m.person_id WHERE m.id = ANY(:ids) AND p.forgotten_at IS NOT NULL", ids=LONGS
)
_ANY = sql("SELECT EXISTS (SELECT FROM tombstones) AS found")


async def tombstone(connection: AsyncConnection, customer_no: str) -> Tombstone | None:
    """Of a customer who was forgotten, and is not a customer again."""
    found = await rows(connection, _OF, customer_no=customer_no)
    return Tombstone(**found[0]._asdict()) if found else None


async def any_forgotten(connection: AsyncConnection) -> bool:
    return bool((await rows(connection, _ANY))[0].found)


async def gone(connection: AsyncConnection, addresses: Sequence[tuple[str, str]], messages: Sequence[int]) -> tuple[set[str], set[int]]:
    """Which of the addresses, (sort, value) each, only the forgotten had; and which of the messages are theirs."""
    sorts, values = [sort for sort, _ in addresses], [value for _, value in addresses]
    theirs = {row.value for row in await rows(connection, _GONE, sorts=sorts, values=values)} if addresses else set()
    return theirs, {row.id for row in await rows(connection, _NOBODYS, ids=list(messages))} if messages else set()
