"""One row of a customer file to one customer of the house, or to the reasons why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from jobs.customers.cells import Consent, read_cells
from jobs.customers.columns import Column, Kind
from store.people import Reach, StagedPerson

# What no spreadsheet shows and no text column can keep: NUL, bytes that are in no encoding, characters already lost.
_BROKEN = re.compile("[\0\ud800-\udfff\ufffd]")


class Accepted(NamedTuple):
    """A row that goes in."""

    person: StagedPerson
    reaches: list[Reach]


class Refused(NamedTuple):
    """A row that stays out, with every reason found."""

    line: int
    reason: str


class RowReader:
    """Knows one file's columns; `read` is for each of its rows. `today` is the company's date."""

    def __init__(self, columns: Sequence[Column], today: date) -> None:
        self._width = len(columns)
        self._cells = read_cells(columns, today)
        self.spoken = self._cells.spoken
        self.number_at = next(place for place, column in enumerate(columns) if column.name == "customer_no" and column.kind is Kind.FIELD)

    def read(self, line: int, cells: Sequence[str]) -> Accepted | Refused:
        """Everything wrong with a row is named, not the first fault alone."""
        if fault := self._unreadable(cells):
            return Refused(line, fault)
        try:
            return self._accept(line, cells)
        except ValueError:
            return Refused(line, "; ".join(self._faults(cells)))

    def _accept(self, line: int, cells: Sequence[str]) -> Accepted:
        found = self._cells
        values = [read(cells[place]) for place, _, read in found.values]
        reaches = [reach for place, _, read in found.contacts for reach in read(cells[place]) or ()]
        consents = [_answer(consent, cells) for consent in found.consents]
        attributes = [read(cells[place]) for place, _, read in found.attributes]
        values += (_members(consents), _members(attributes))
        digest = hash((*values, *reaches))
        return Accepted(StagedPerson._make((line, digest, *values)), reaches)

    def _unreadable(self, cells: Sequence[str]) -> str | None:
        if len(cells) != self._width and (len(cells) < self._width or any(map(str.strip, cells[self._width :]))):
            return f"the row has {len(cells)} cells, the header has {self._width} columns"
        text = "".join(cells)
        if ("\0" in text or not text.isascii()) and _BROKEN.search(text):
            return "the row holds characters that are no text; export the file as CSV UTF-8"
        return None

    def _faults(self, cells: Sequence[str]) -> Iterator[str]:
        """Read cell by cell what could not be read at once."""
        found = self._cells
        for place, title, read in (*found.values, *found.contacts, *found.attributes):
            yield from _fault(title, read, cells[place])
        for consent in found.consents:
            yield from _fault(consent.title, _answer, consent, cells)


def _answer(consent: Consent, cells: Sequence[str]) -> str | None:
    return consent.read(cells[consent.place], cells[consent.hours] if consent.hours >= 0 else "")


def _members(members: Sequence[str | None]) -> str:
    return "{" + ", ".join(filter(None, members)) + "}"


def _fault(title: str, read: Callable[..., object], *arguments: object) -> list[str]:
    try:
        read(*arguments)
    except ValueError as error:
        return [f"{title}: {error}"]
    return []
