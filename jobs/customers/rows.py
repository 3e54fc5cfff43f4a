"""One row of a customer file to one customer of the house, or to the reasons why not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple

from jobs.customers import contacts, dates, normalise, numbers
from jobs.customers.columns import Column, Kind
from jobs.customers.contacts import Reach
from store.people import FIELDS, Spoken, StagedAddress, StagedPerson

Converter = Callable[[str], object]

# What no spreadsheet shows and no text column can keep: NUL, bytes that are in no encoding, characters already lost.
_BROKEN = re.compile("[\0\ud800-\udfff\ufffd]")


class Accepted(NamedTuple):
    """A row that goes in."""

    person: StagedPerson
    addresses: list[StagedAddress]


class Refused(NamedTuple):
    """A row that stays out, with every reason found."""

    line: int
    reason: str


class _Cell(NamedTuple):
    place: int
    title: str
    convert: Converter
    required: bool = False


class _Contact(NamedTuple):
    place: int
    title: str
    sort: str
    read: Callable[[str], tuple[Reach, ...]]


class _Consent(NamedTuple):
    """hours: place of the hours' column, -1 without one."""

    channel: str
    place: int
    title: str
    hours: int


def _converters(today: date) -> dict[str, Converter]:
    return {
        "customer_no": normalise.customer_no,
        "name": normalise.name,
        "locale": normalise.locale,
        "timezone": normalise.timezone,
        "portfolio_value": numbers.amount,
        "trades_last_month": numbers.count,
        "last_trade_on": lru_cache(65536)(partial(dates.past_day, today=today)),
        "birthday": lru_cache(65536)(partial(dates.birthday, today=today)),
        "contact_hours": normalise.weekly_hours,
    }


_CONTACTS: dict[str, tuple[str, Callable[[str], tuple[Reach, ...]]]] = {
    "email": ("email", lambda text: (Reach("email", contacts.email(text)),)),
    "phone": ("phone", lambda text: (Reach("phone", contacts.phone(text)),)),
    "push_tokens": ("push", contacts.devices),
}


def _further(sort: str, text: str) -> tuple[Reach, ...]:
    return (contacts.further(sort, text),)


class RowReader:
    """Knows one file's columns; `read` is for each of its rows. `today` is the company's date."""

    def __init__(self, columns: Sequence[Column], today: date) -> None:
        self.width = len(columns)
        placed = {(column.kind, column.name): (place, column.title) for place, column in enumerate(columns)}
        converters = _converters(today)
        fields = {name: where for (kind, name), where in placed.items() if kind is Kind.FIELD}
        self._cells = [
            _Cell(*fields[name], converters[name], required=name in ("customer_no", "name")) if name in fields else None
            for name in ("customer_no", *FIELDS)
        ]
        self._contacts = [_Contact(*fields[name], *_CONTACTS[name]) for name in _CONTACTS if name in fields]
        self._contacts += [
            _Contact(*where, name, partial(_further, name)) for (kind, name), where in placed.items() if kind is Kind.ADDRESS
        ]
        self._attributes = [_Cell(*where, normalise.free_text) for (kind, _), where in placed.items() if kind is Kind.ATTRIBUTE]
        self._keys = [name for kind, name in placed if kind is Kind.ATTRIBUTE]
        self._consents = [
            _Consent(name, *where, placed.get((Kind.CONSENT_HOURS, name), (-1, ""))[0])
            for (kind, name), where in placed.items()
            if kind is Kind.CONSENT
        ]
        self._read_consents = lru_cache(4096)(partial(_consents, self._consents))

    @property
    def spoken(self) -> Spoken:
        """What the file speaks about."""
        present = {name for name, cell in zip(FIELDS, self._cells[1:], strict=True) if cell}
        return Spoken(
            fields=tuple(name for name in FIELDS if name in present),
            consents=tuple(consent.channel for consent in self._consents),
            open_hours=tuple(consent.channel for consent in self._consents if consent.hours < 0),
            attributes=tuple(self._keys),
            sorts=tuple(contact.sort for contact in self._contacts),
        )

    def read(self, line: int, cells: Sequence[str]) -> Accepted | Refused:
        """Everything wrong with a row is found, not the first fault alone."""
        if fault := self._unreadable(cells):
            return Refused(line, fault)
        faults: list[str] = []
        values = [cell and _value(cell, cells[cell.place], faults) for cell in self._cells]
        reaches = [(contact.sort, *reach) for contact in self._contacts for reach in _reaches(contact, cells[contact.place], faults)]
        words = [(cells[consent.place], cells[consent.hours] if consent.hours >= 0 else "") for consent in self._consents]
        consents, wrong = self._read_consents(tuple(words))
        attributes = self._attribute_texts(cells, faults) if self._keys else "{}"
        if faults or wrong:
            return Refused(line, "; ".join([*faults, *wrong]))
        digest = hash((*values, consents, attributes, *reaches))
        person = StagedPerson._make((line, digest, *values, consents, attributes))
        return Accepted(person, [StagedAddress(line, *reach) for reach in reaches])

    def _unreadable(self, cells: Sequence[str]) -> str | None:
        if len(cells) != self.width and (len(cells) < self.width or any(map(str.strip, cells[self.width :]))):
            return f"the row has {len(cells)} cells, the header has {self.width} columns"
        text = "".join(cells)
        if ("\0" in text or not text.isascii()) and _BROKEN.search(text):
            return "the row holds characters that are no text; export the file as CSV UTF-8"
        return None

    def _attribute_texts(self, cells: Sequence[str], faults: list[str]) -> str:
        texts = ((key, _value(cell, cells[cell.place], faults)) for key, cell in zip(self._keys, self._attributes, strict=True))
        return json.dumps({key: text for key, text in texts if text is not None}, ensure_ascii=False)


def _value(cell: _Cell, text: str, faults: list[str]) -> object:
    text = text.strip()
    if not cell.required and (not text or text.lower() in normalise.NOTHING):
        return None
    try:
        return cell.convert(text)
    except ValueError as error:
        faults.append(f"{cell.title}: {error}")
        return None


def _reaches(contact: _Contact, text: str, faults: list[str]) -> tuple[Reach, ...]:
    text = text.strip()
    if not text or text.lower() in normalise.NOTHING:
        return ()
    try:
        return contact.read(text)
    except ValueError as error:
        faults.append(f"{contact.title}: {error}")
        return ()


def _consents(columns: Sequence[_Consent], words: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    """JSON for people.consents, and what is wrong. Hours without a recorded consent mean nothing and are left out."""
    faults: list[str] = []
    found = {}
    for consent, (answer, hours) in zip(columns, words, strict=True):
        marketing = _value(_Cell(0, consent.title, normalise.consent), answer, faults)
        when = _value(_Cell(0, f"{consent.title} (hours)", normalise.weekly_hours), hours, faults)
        if marketing is not None:
            found[consent.channel] = {"marketing": marketing, "hours": when}
    return json.dumps(found, sort_keys=True), faults
