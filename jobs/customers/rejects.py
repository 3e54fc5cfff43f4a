"""FILE.rejects.csv: the rows that stayed out, as they were, with line and reason in front."""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from config.problems import ConfigError, Problem
from jobs.customers.columns import REJECT_COLUMNS, slug

# A spreadsheet runs a cell that begins like this, also in the full width of East Asian keyboards; digits and their punctuation
# (+62 812-…, -5) can compute but do nothing else.
_FORMULA = re.compile(r"[\s\x00]*[=+\-@|%＝＋－＠｜％]|[\t\r\n]")
_MARKED = re.compile(rf"'+(?:{_FORMULA.pattern})")
_HARMLESS = re.compile(r"\+?[0-9 .()-]+")


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes in front, which the import takes off again."""
    return f"'{cell}" if _MARKED.match(cell) or (_FORMULA.match(cell) and not _HARMLESS.fullmatch(cell)) else cell


def unsafe(cell: str) -> str:
    """The cell as it was before `safe`, or before a spreadsheet's own text mark."""
    return cell[1:] if _MARKED.match(cell) else cell


class Rejects:
    """Collects beside the customer file and takes its place in one step: `keep` after the load is committed, or it vanishes.

    The file is readable by its owner alone: it holds personal data.
    """

    def __init__(self, source: Path, header: Sequence[str], delimiter: str) -> None:
        self.path = source.with_name(source.name + ".rejects.csv")
        self._skip = len(REJECT_COLUMNS) if tuple(map(slug, header[:2])) == REJECT_COLUMNS else 0
        self._header = (*REJECT_COLUMNS, *header[self._skip :])
        self._delimiter = delimiter
        self._file: IO[str] | None = None
        self._temporary = ""
        self._writer: Any = None
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
            Path(self._temporary).unlink(missing_ok=True)

    def add(self, line: int, reason: str, cells: Sequence[str]) -> None:
        """A row with its cells as they were read."""
        if self._file is None:
            self._open()
        self._writer.writerow([line, safe(reason), *map(safe, cells[self._skip :])])
        self.count += 1

    def keep(self) -> Path | None:
        """Put the file in place, or remove an older one when nothing was rejected; its path if there is one."""
        if self._file is None:
            self.path.unlink(missing_ok=True)
            return None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._temporary, self.path)
        return self.path

    def _open(self) -> None:
        try:
            handle, self._temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        except OSError as error:
            raise ConfigError([Problem(str(self.path), 0, 0, f"cannot be written: {error.strerror}")]) from None
        self._file = os.fdopen(handle, "w", encoding="utf-8-sig", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file, delimiter=self._delimiter)
        self._writer.writerow([safe(title) for title in self._header])
