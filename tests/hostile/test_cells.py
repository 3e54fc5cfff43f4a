"""Cells that leave are no formulas in any spreadsheet, and come back as they were."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from console.cli.sheets import csv_rows
from jobs.customers.rejects import safe, unsafe

STARTS = ["=", "+", "-", "@", "|", "%", "\t", "\r", "\n", " =", "\u00a0=", "＝", "＋", "－", "＠", "'", "''", "'=", "+62", "-5", "0"]
CELLS = st.builds(str.__add__, st.sampled_from(STARTS), st.text(max_size=8)) | st.text(max_size=12)
LIVE = tuple("=+-@|%＝＋－＠｜％\t\r\n")
DIGITS = frozenset("0123456789 .()-")


@given(CELLS)
@settings(max_examples=1000)
def test_a_cell_that_leaves_is_dead_and_comes_back_whole(cell: str) -> None:
    written = safe(cell)
    assert unsafe(written) == cell
    alive = written.lstrip().startswith(LIVE) or written.startswith(LIVE)
    assert not alive or set(written.removeprefix("+")) <= DIGITS


def test_phones_and_negative_amounts_stay_as_they_are() -> None:
    for cell in ("+62 812-0000-0001", "+6281200000001", "-500000.25", "(021) 555", "-5"):
        assert safe(cell) == unsafe(cell) == cell


@given(st.lists(st.lists(CELLS.filter(lambda cell: "\0" not in cell), min_size=2, max_size=2), max_size=5))
def test_a_whole_file_written_and_read_again_is_the_same(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    csv_rows(file, ["a", "b"])(rows)
    file.seek(0)
    assert [[unsafe(cell) for cell in row] for row in csv.reader(file)][1:] == rows
