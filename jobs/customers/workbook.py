"""The first sheet of an XLSX file, row by row. openpyxl with defusedxml refuses entities; bombs.py counts before it opens anything."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO, cast

from openpyxl import DEFUSEDXML, load_workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet.worksheet import Worksheet

from config.problems import ConfigError, Problem
from jobs.customers.bombs import MAX_RECORD, MAX_UNPACKED, Bomb, look_over


@contextmanager
def open_workbook(path: Path, file: BinaryIO) -> Iterator[tuple[ReadOnlyWorksheet, int | None]]:
    """The first sheet and the rows it says it has. Raises ConfigError for what is no workbook or too large to be one."""
    _check(path, file)
    try:
        with warnings.catch_warnings():
            # Unknown extensions and missing styles are of no interest in a table of customers.
            warnings.simplefilter("ignore")
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = next((sheet for sheet in book.worksheets if isinstance(sheet, ReadOnlyWorksheet)), None)
        rows = None if sheet is None or not sheet.max_row else max(sheet.max_row - 1, 0)
    except Exception as error:
        raise _broken(path, error) from None
    if sheet is None:
        raise ConfigError([Problem(str(path), 0, 0, "has no sheet")])
    # The size a sheet claims may be wrong; without it rows are as long as they are.
    sheet.reset_dimensions()
    try:
        yield sheet, rows
    finally:
        book.close()


def _check(path: Path, file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            look_over(archive)
    except Bomb as bomb:
        raise ConfigError([Problem(str(path), 0, 0, f"{bomb}; save the sheet alone as CSV UTF-8")]) from None
    except Exception as error:
        raise _broken(path, error) from None
    file.seek(0)
    if not DEFUSEDXML:
        raise ConfigError([Problem("defusedxml", 0, 0, "is not in use; a workbook is not opened without it")])


def sheet_rows(path: Path, sheet: ReadOnlyWorksheet) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells as text), blank rows left out, short rows filled up to the first one's width. Raises ConfigError."""
    width = taken = 0
    # The read-only sheet borrows this method from the full one, which its type stub cannot say.
    rows = cast(Worksheet, sheet).iter_rows(values_only=True)
    try:
        for line, values in enumerate(rows, 1):
            cells = _texts(values)
            # One text of the text table may stand in every cell, so that small files could still say gigabytes.
            taken += (size := sum(map(len, cells)))
            if size > MAX_RECORD or taken > MAX_UNPACKED:
                raise ConfigError([Problem(str(path), line, 1, "holds more text than a table needs; save the sheet alone as CSV UTF-8")])
            if not any(map(str.strip, cells)):
                continue
            width = width or len(cells)
            yield line, cells + [""] * (width - len(cells))
    except (ConfigError, GeneratorExit):
        raise
    except Exception as error:
        raise _broken(path, error) from None


def _texts(values: Sequence[object]) -> list[str]:
    cells = [value if isinstance(value, str) else _text(value) for value in values]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _text(value: object) -> str:
    """A typed cell in a spelling that the column's reader cannot take for anything else."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if (value.hour, value.minute) == (0, 0) else value.isoformat(" ", "minutes")
    return value.isoformat() if isinstance(value, date) else str(value)


def _number(value: float) -> str:
    if value.is_integer():
        return str(int(value))
    digits = format(value, ".10f").rstrip("0")
    # A dot before three digits would be read as grouping thousands.
    return digits + "0" if digits[-4] == "." else digits


def _broken(path: Path, error: Exception) -> ConfigError:
    message = f"is not a readable workbook ({type(error).__name__}); save it again as .xlsx, or as CSV UTF-8"
    return ConfigError([Problem(str(path), 0, 0, message)])
