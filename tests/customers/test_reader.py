"""Rows out of files, with the right line numbers, whatever program wrote them."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from config.problems import ConfigError
from jobs.customers import bombs
from jobs.customers.reader import Record, open_source


def _rows(path: Path) -> list[Record]:
    with open_source(path) as source:
        return list(source.records)


def _bytes(tmp_path: Path, content: bytes, name: str = "people.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def _fault(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        _rows(path)
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_delimiter_and_encoding_are_found_out(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = f"no{delimiter}nama\r\n1{delimiter}José\r\n"
    assert _rows(_bytes(tmp_path, text.encode(encoding))) == [(1, ["no", "nama"]), (2, ["1", "José"])]


def test_a_byte_wrong_at_the_very_end_changes_the_encoding_of_the_whole_file(tmp_path: Path) -> None:
    path = _bytes(tmp_path, b"no,nama\n" + b"1,Budi\n" * 200_000 + b"2,Jos\xe9")
    assert _rows(path)[-1] == (200_002, ["2", "José"])


def test_line_numbers_count_lines_of_the_file_not_rows(tmp_path: Path) -> None:
    path = _bytes(tmp_path, b'no,nama\n1,"Budi\nSantoso"\n\n , \n2,Ani\n')
    assert _rows(path) == [(1, ["no", "nama"]), (2, ["1", "Budi\nSantoso"]), (6, ["2", "Ani"])]


def test_a_quote_that_is_never_closed_is_a_fault_of_the_file(tmp_path: Path) -> None:
    assert _fault(_bytes(tmp_path, b'no,nama\n1,"Budi\n2,Ani\n')) == ":2:1: a quote is opened in this row and never closed"
    assert ":2:1: field larger than field limit" in _fault(_bytes(tmp_path, b'no,nama\n1,"Budi\n' + b"2,Ani\n" * 50_000))


def test_the_expected_number_of_rows_is_told(tmp_path: Path) -> None:
    with open_source(_bytes(tmp_path, b"no,nama\n1,Budi\n2,Ani")) as source:
        assert source.total == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfen\x00o\x00", "is UTF-16 text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or encrypted Excel file"),
        (b"PK\x03\x04 nothing", "is not a readable workbook"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in _fault(_bytes(tmp_path, content))


def test_a_missing_file_is_a_fault_with_its_path(tmp_path: Path) -> None:
    assert _fault(tmp_path / "nobody.csv") == ": cannot be read: No such file or directory"


def _workbook(tmp_path: Path, *rows: list[object]) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    path = tmp_path / "people.xlsx"
    book.save(path)
    return path


def test_cells_of_a_workbook_keep_their_type_in_their_spelling(tmp_path: Path) -> None:
    path = _workbook(
        tmp_path,
        ["no", "phone", "value", "share", "day", "at", "yes", "blank"],
        [1, 6281200001234, 1234.567, 1500.0, date(2026, 1, 31), datetime.fromisoformat("2026-01-31 09:30"), True, None],
        [],
        [2, "x"],
    )
    assert _rows(path)[1:] == [
        (2, ["1", "6281200001234", "1234.5670", "1500", "2026-01-31", "2026-01-31 09:30", "true", ""]),
        (4, ["2", "x", "", "", "", "", "", ""]),
    ]


def test_a_workbook_cut_off_in_the_middle_is_a_fault(tmp_path: Path) -> None:
    path = _workbook(tmp_path, ["no", "name"], *([n, "Budi"] for n in range(500)))
    path.write_bytes(path.read_bytes()[:-2000])
    assert ": is not a readable workbook" in _fault(path)


def _forged(tmp_path: Path, sheet: str) -> Path:
    """A real workbook whose sheet is replaced."""
    real = _workbook(tmp_path, ["no"])
    forged = tmp_path / "forged.xlsx"
    with zipfile.ZipFile(real) as source, zipfile.ZipFile(forged, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            target.writestr(info.filename, sheet if info.filename.endswith("sheet1.xml") else source.read(info))
    return forged


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet><sheetData>&b;</sheetData></worksheet>'
    assert ": declares entities, which no workbook does" in _fault(_forged(tmp_path, bomb))


def test_a_workbook_too_large_unpacked_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target, target.open("xl/sharedStrings.xml", "w") as member:
        member.write(b"<sst>")
        for _ in range(bombs.MAX_TEXTS // (1 << 20) + 1):
            member.write(b"<si>" + b"x" * (1 << 20) + b"</si>")
    assert path.stat().st_size < 1 << 20
    assert "has a larger text table than a workbook needs" in _fault(path)
