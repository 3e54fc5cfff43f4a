"""Which reader each column of a file gets. A reader takes a cell and gives a value, None for a blank one, or raises ValueError."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from json.encoder import encode_basestring
from typing import Generic, NamedTuple, TypeVar

from jobs.customers import contacts, dates, normalise, numbers
from jobs.customers.columns import Column, Kind
from store.people import FIELDS, Reach, Spoken

LONG = 200  # characters of a cell that is not remembered

T = TypeVar("T")
Placed = Mapping[tuple[Kind, str], tuple[int, str]]


class Cell(NamedTuple, Generic[T]):
    """One column: its place in the file, its title for people, and its reader."""

    place: int
    title: str
    read: Callable[[str], T]


class Consent(NamedTuple):
    """The two columns of one channel. hours: place of the second, -1 without it. read gives a JSON member or None."""

    place: int
    title: str
    hours: int
    read: Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True)
class Cells:
    """values has an entry for customer_no and each of store.people.FIELDS, in that order, whether the file has it or not."""

    values: tuple[Cell[object], ...]
    contacts: tuple[Cell[tuple[Reach, ...] | None], ...]
    consents: tuple[Consent, ...]
    attributes: tuple[Cell[str | None], ...]
    spoken: Spoken


def read_cells(columns: Sequence[Column], today: date) -> Cells:
    """`today` is the company's date, which birthdays and trades may not be after."""
    placed = {(column.kind, column.name): (place, column.title) for place, column in enumerate(columns)}
    reaches = _contacts(placed)
    consents = {name: _consent_cells(placed, name) for kind, name in placed if kind is Kind.CONSENT}
    attributes = {name: Cell(*where, partial(_attribute, name)) for (kind, name), where in placed.items() if kind is Kind.ATTRIBUTE}
    readers = _readers(today)
    return Cells(
        values=tuple(
            Cell(*placed[Kind.FIELD, name], readers[name]) if (Kind.FIELD, name) in placed else Cell(0, name, _nothing)
            for name in ("customer_no", *FIELDS)
        ),
        contacts=tuple(reaches.values()),
        consents=tuple(consents.values()),
        attributes=tuple(attributes.values()),
        spoken=Spoken(
            fields=tuple(name for name in FIELDS if (Kind.FIELD, name) in placed),
            consents=tuple(consents),
            open_hours=tuple(name for name, consent in consents.items() if consent.hours < 0),
            attributes=tuple(attributes),
            sorts=tuple(reaches),
        ),
    )


def _optional(convert: Callable[[str], T]) -> Callable[[str], T | None]:
    def read(text: str) -> T | None:
        text = text.strip()
        return None if not text or (len(text) < 5 and text.lower() in normalise.NOTHING) else convert(text)

    return read


def _repeated(convert: Callable[[str], T]) -> Callable[[str], T | None]:
    """For columns in which the same cells come again and again: a known one costs 0.1 µs instead of 1 to 5."""
    return _remembered(_optional(convert), 65536)


def _remembered(read: Callable[..., T], size: int) -> Callable[..., T]:
    """A megabyte of blanks in every cell is not worth remembering."""
    known = lru_cache(size)(read)
    return lambda *texts: known(*texts) if sum(map(len, texts)) <= LONG else read(*texts)


def _readers(today: date) -> dict[str, Callable[[str], object]]:
    return {
        "customer_no": normalise.customer_no,
        "name": normalise.name,
        "locale": _repeated(normalise.locale),
        "timezone": _repeated(normalise.timezone),
        "portfolio_value": _optional(numbers.amount),
        "trades_last_month": _repeated(numbers.count),
        "last_trade_on": _repeated(partial(dates.past_day, today=today)),
        "birthday": _repeated(partial(dates.birthday, today=today)),
        "contact_hours": _repeated(normalise.weekly_hours),
    }


def _nothing(_: str) -> None:
    return None


def _contacts(placed: Placed) -> dict[str, Cell[tuple[Reach, ...] | None]]:
    """By sort of address, for the columns that the file has."""
    own = {"email": ("email", contacts.email), "phone": ("phone", contacts.phone), "push_tokens": ("push", contacts.devices)}
    cells = {sort: Cell(*placed[Kind.FIELD, name], _optional(read)) for name, (sort, read) in own.items() if (Kind.FIELD, name) in placed}
    for (kind, name), where in placed.items():
        if kind is Kind.ADDRESS:
            cells[name] = Cell(*where, _optional(partial(contacts.further, name)))
    return cells


def _consent_cells(placed: Placed, channel: str) -> Consent:
    hours, _ = placed.get((Kind.CONSENT_HOURS, channel), (-1, ""))
    return Consent(*placed[Kind.CONSENT, channel], hours, _remembered(partial(_consent, channel), 4096))


def _consent(channel: str, answer: str, hours: str) -> str | None:
    """One member of people.consents. Hours without a recorded consent mean nothing and are left out."""
    marketing, when = _optional(normalise.consent)(answer), _optional(normalise.weekly_hours)(hours)
    return None if marketing is None else json.dumps({channel: {"marketing": marketing, "hours": when}})[1:-1]


def _attribute(key: str, text: str) -> str | None:
    """One member of people.attributes; json.dumps would take five times as long."""
    value = _optional(normalise.free_text)(text)
    return None if value is None else f"{encode_basestring(key)}: {encode_basestring(value)}"
