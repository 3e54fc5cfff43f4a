"""Rows written for other programs: CSV that no spreadsheet takes for formulas, JSON lines, files that appear whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from console.cli.common import fault
from jobs.customers.rejects import safe

Rows = Sequence[Sequence[Any]]
Write = Callable[[Rows], object]


@contextmanager
def target(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole or not at all, and that its owner alone may read."""
    if out is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    part = out.with_name(out.name + ".part")
    try:
        part.unlink(missing_ok=True)  # what another run left there, or a link to somewhere else
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(part, out)
    except OSError as error:
        words = error.strerror or type(error).__name__
        raise fault("--out", f"{out} cannot be written: {words}; name a file in a directory that is yours") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def csv_rows(target: TextIO, columns: Sequence[str]) -> Write:
    """Writes the header at once."""
    writer = csv.writer(_OneEnd(target))
    writer.writerow(columns)
    return lambda rows: writer.writerows([_cell(value) for value in row] for row in rows)


class _OneEnd:
    """Lines end in a line feed alone; the writer is told of both signs, or it would leave a carriage return in a cell unquoted."""

    def __init__(self, target: TextIO) -> None:
        self._target = target

    def write(self, line: str) -> int:
        return self._target.write(line.removesuffix("\r\n") + "\n")


def json_lines(target: TextIO, columns: Sequence[str]) -> Write:
    """An object a row."""

    def write(rows: Rows) -> None:
        for row in rows:
            values = [_time(value) if isinstance(value, datetime) else value for value in row]
            target.write(json.dumps(dict(zip(columns, values, strict=True)), ensure_ascii=False) + "\n")

    return write


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return _time(value)
    return str(value).lower() if isinstance(value, bool) else safe(str(value))


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
