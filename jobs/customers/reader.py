"""Customer files, row by row in bounded memory: CSV here, XLSX in workbook.py."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO

from config.problems import ConfigError, Problem
from jobs.customers.bombs import MAX_COLUMNS, MAX_RECORD
from jobs.customers.workbook import open_workbook, sheet_rows

Record = tuple[int, list[str]]

_BLOCK = 1 << 20
BATCH, BATCH_TEXT = 5_000, 16 << 20  # rows, characters: most rows are 15 MB in flight, long ones a few times that
_DELIMITERS = ",;\t"
# csv reads on to the end of the file when a quote is never closed; this line then turns up inside a cell.
_END = "\0end of file"


@dataclass(frozen=True, slots=True)
class Source:
    """records: (line, cells) with the header first, blank rows left out. total: rows to come, about; None = unknown."""

    records: Iterator[Record]
    total: int | None
    delimiter: str


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a customer file by what it is, not by its name alone. Raises ConfigError; also while records are read."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise fault(path, 0, f"cannot be read: {error.strerror}") from None
    with file:
        start = file.read(8)
        file.seek(0)
        if start.startswith(b"\xd0\xcf\x11\xe0"):
            raise fault(path, 0, "is an old or encrypted Excel file; save it as .xlsx without a password, or as CSV UTF-8")
        if start.startswith(b"PK") or path.suffix.lower() in (".xlsx", ".xlsm"):
            with open_workbook(path, file) as (sheet, total):
                yield Source(sheet_rows(path, sheet), total, ",")
        elif start.startswith((b"\xff\xfe", b"\xfe\xff")) or start.count(0) > 2:
            raise fault(path, 0, "is UTF-16 text; save it as CSV UTF-8")
        else:
            with _csv_source(path, file) as source:
                yield source


def header_of(path: Path, opened: Source) -> tuple[int, list[str]]:
    """The first row: its line and what it calls the columns. Raises ConfigError."""
    line, titles = next(opened.records, (0, []))
    if not titles:
        raise fault(path, 0, "is empty; its first row has to name the columns")
    if len(titles) > MAX_COLUMNS:
        raise fault(path, line, f"has a row of more than {MAX_COLUMNS:,} columns; it is no table of customers")
    return line, titles


def batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    """So many at a time, fewer where they are long."""
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += sum(map(len, record[1]))
        if len(batch) >= BATCH or size >= BATCH_TEXT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def fault(path: Path, line: int, message: str) -> ConfigError:
    """A file that cannot be taken at all."""
    return ConfigError([Problem(str(path), line, 1 if line else 0, message)])


@contextmanager
def _csv_source(path: Path, file: BinaryIO) -> Iterator[Source]:
    encoding, lines = _survey(path, file)
    file.seek(0)
    # cp1252 leaves five bytes undefined: they become surrogates, and their row is refused rather than the file.
    errors = "strict" if encoding == "utf-8-sig" else "surrogateescape"
    with io.TextIOWrapper(file, encoding, errors, newline="") as text:
        first = next((line for line in text if line.strip()), "")
        delimiter = max(_DELIMITERS, key=first.count)
        text.seek(0)
        yield Source(_records(path, text, delimiter), max(lines - 1, 0), delimiter)


def _survey(path: Path, file: BinaryIO) -> tuple[str, int]:
    """The encoding that fits the whole file, and its number of lines. Raises ConfigError where a line is longer than a block."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    utf8, lines, last = True, 0, b"\n"
    while block := file.read(_BLOCK):
        ends = block.count(b"\n")
        if not ends and len(block) == _BLOCK and b"\r" not in block:
            raise fault(path, lines + 1, f"this line is longer than {_BLOCK:,} bytes; it is no row of a table")
        lines, last = lines + ends, block[-1:]
        utf8 = utf8 and _decodes(decode, block)
    utf8 = utf8 and _decodes(decode, b"", final=True)
    return "utf-8-sig" if utf8 else "cp1252", lines + (last != b"\n")


def _decodes(decode: Callable[[bytes, bool], str], block: bytes, *, final: bool = False) -> bool:
    try:
        decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


class _Lines:
    """The lines of a text and its end, with an eye on how much one row takes, over however many lines its quotes hold together."""

    def __init__(self, text: TextIO) -> None:
        self._lines = chain(text, [_END])
        self.taken = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken += len(line)
        if self.taken > MAX_RECORD:
            raise csv.Error(f"a row of more than {MAX_RECORD:,} characters")
        return line


def _records(path: Path, text: TextIO, delimiter: str) -> Iterator[Record]:
    source = _Lines(text)
    rows = csv.reader(source, delimiter=delimiter)
    line = 1
    while True:
        source.taken = 0
        try:
            cells = next(rows)
        except csv.Error as error:
            raise fault(path, line, f"{error}; is a quote opened in this row and never closed?") from None
        if cells == [_END]:
            return
        if cells and cells[-1].endswith(_END):
            raise fault(path, line, "a quote is opened in this row and never closed")
        if any(map(str.strip, cells)):
            yield line, cells
        line = rows.line_num + 1
