"""A look over every part of an XLSX file before it is opened: small files can hold gigabytes of XML, and openpyxl keeps what it reads."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from xml.parsers import expat

MAX_PARTS = 10_000
MAX_UNPACKED = 2 << 30
MAX_TEXTS = 64 << 20  # of the text table, which takes about three times as much memory
MAX_TEXT_ELEMENTS = 4_000_000
MAX_ROWS = 1 << 20  # Excel's own
MAX_COLUMNS = 1_000
MAX_ROW_ELEMENTS = 20_000
MAX_STRANGE = 200_000  # of what is neither row nor cell: widths, merged cells, styles
MAX_QUIET = 1 << 20  # bytes without a new element: one text, one attribute
MAX_RECORD = 4 << 20  # characters of one row
_BLOCK = 1 << 16
# ECMA-376 part 2 knows no other; of bzip2 and LZMA zipfile unpacks all it was given at once, however much that becomes.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OF_CELLS = frozenset({"c", "v", "is", "t", "f", "r"})


class Bomb(Exception):
    """What is too much, in words."""


def look_over(archive: zipfile.ZipFile) -> None:
    """Raises Bomb, or what zipfile and expat raise of a broken file."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS:
        raise Bomb(f"has more than {MAX_PARTS:,} parts")
    if any(part.compress_type not in _PACKED for part in parts):
        raise Bomb("is packed as no workbook is")
    if sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise Bomb("is too large unpacked for a workbook")
    for part in parts:
        # What is no XML, or not to its end, is none to openpyxl either, which reads with the same parser.
        with archive.open(part) as file, suppress(expat.ExpatError):
            _Census().read(file.read)


class _Census:
    """Counts the elements of one part by what its root says it is."""

    def __init__(self) -> None:
        self._quiet = self._rows = self._of_row = self._others = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._root
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._largest = MAX_UNPACKED

    def read(self, read: Callable[[int], bytes]) -> None:
        size = 0
        while block := read(_BLOCK):
            size += len(block)
            self._quiet += len(block)
            self._parser.Parse(block)
            if self._quiet > MAX_QUIET:
                raise Bomb(f"has a text of more than {MAX_QUIET:,} bytes")
            if size > self._largest:
                raise Bomb("has a larger text table than a workbook needs")

    def _doctype(self, *_: object) -> None:
        raise Bomb("declares entities, which no workbook does")

    def _root(self, name: str, attributes: Mapping[str, str]) -> None:
        root = name.rpartition(":")[2]
        self._largest = MAX_TEXTS if root == "sst" else MAX_UNPACKED
        self._parser.StartElementHandler = self._of_sheet if root == "worksheet" else self._of_texts if root == "sst" else self._of_others

    def _of_texts(self, name: str, attributes: Mapping[str, str]) -> None:
        self._quiet = 0
        self._others += 1
        if self._others > MAX_TEXT_ELEMENTS:
            raise Bomb("has a larger text table than a workbook needs")

    def _of_others(self, name: str, attributes: Mapping[str, str]) -> None:
        self._quiet = 0
        self._others += 1
        if self._others > MAX_STRANGE:
            raise Bomb("has more styles, formulas or other parts than a table needs")

    def _of_sheet(self, name: str, attributes: Mapping[str, str]) -> None:
        self._quiet = 0
        kind = name.rpartition(":")[2] if ":" in name else name
        if kind == "row":
            self._rows, self._of_row = self._rows + 1, 0
            if self._rows > MAX_ROWS or len(attributes.get("r", "")) > len(str(MAX_ROWS)):
                raise Bomb(f"has more than {MAX_ROWS:,} rows")
        elif kind in _OF_CELLS:
            self._of_row += 1
            if self._of_row > MAX_ROW_ELEMENTS or (kind == "c" and _column(attributes.get("r", "A")) > MAX_COLUMNS):
                raise Bomb(f"has a row of more than {MAX_COLUMNS:,} columns")
        else:
            self._of_others(name, attributes)


def _column(place: str) -> int:
    """`AB12` → 28; only what is of three letters and more is counted."""
    if not place[:3].isalpha():
        return 0
    letters = place.rstrip("0123456789").upper()[:4]
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
