"""What an import refuses: single rows with their reasons, or a whole file with nothing half done."""

from __future__ import annotations

import asyncio
import csv
import stat
from pathlib import Path

import pytest
from openpyxl import Workbook

from config.problems import ConfigError
from jobs.customers.rejects import safe, unsafe
from store.engine import Database
from tests.customers.files import load, rows, write

ANI = {"customer_no": "C1", "name": "Ani", "phone": "0812-0000-0001", "birthday": "1990-01-31", "note": ""}


def _rejects(path: Path) -> list[list[str]]:
    with path.with_name(path.name + ".rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


async def test_a_bad_row_is_told_all_its_reasons_and_the_rest_goes_in(database: Database, tmp_path: Path) -> None:
    bad = ANI | {"customer_no": "C2", "name": "", "phone": "0812-34", "birthday": "31/02/1990"}
    path = write(tmp_path / "a.csv", ANI, bad, ANI | {"customer_no": "C3"})
    report = await load(database, path)
    assert (report.rows, report.inserted, report.rejected) == (3, 2, 1)
    assert report.rejects_file == tmp_path / "a.csv.rejects.csv"
    reason = (
        'name: is missing; birthday: "31/02/1990" is not a day of the calendar; '
        'phone: "0812-34" is not a valid phone number; write 0812… or +62812…, and +65… for other countries'
    )
    assert _rejects(path) == [["line", "reason", *ANI], ["3", reason, "C2", "", "0812-34", "31/02/1990", ""]]


async def test_rows_of_the_wrong_length_or_with_broken_characters_are_rejected(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"customer_no;name\nC1;Ani;\nC2\nC3;Ani;x\nC4;A\0ni\nC5;Jos\x81\nC6;Jos\xe9\n")
    report = await load(database, path)
    assert (report.inserted, report.rejected) == (2, 4)
    reasons = path.with_name("a.csv.rejects.csv").read_text("utf-8-sig").splitlines()
    assert reasons[1].startswith("3;the row has 1 cells, the header has 2 columns;C2")
    assert reasons[2].startswith("4;the row has 3 cells, the header has 2 columns;C3")
    assert "holds characters that are no text" in reasons[3]
    assert await rows(database, "SELECT name FROM people ORDER BY customer_no") == [("Ani",), ("José",)]


async def test_a_repeated_row_is_counted_and_a_contradicting_one_rejected(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ANI, ANI | {"phone": "+62 812 0000 0001"}, ANI | {"name": "Ani B."}, ANI | {"phone": ""})
    report = await load(database, path)
    assert (report.rows, report.inserted, report.duplicates, report.rejected) == (4, 1, 1, 2)
    assert [row[:2] for row in _rejects(path)[1:]] == [
        ["4", "customer_no: stands on line 2 already, with other content; keep one of them"],
        ["5", "customer_no: stands on line 2 already, with other content; keep one of them"],
    ]
    assert await rows(database, "SELECT name FROM people") == [("Ani",)]


async def test_a_corrected_rejects_file_can_be_imported_as_it_is(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ANI | {"phone": "0812-34", "note": "=HYPERLINK(1)"})
    await load(database, path)
    corrected = tmp_path / "b.csv"
    corrected.write_text(path.with_name("a.csv.rejects.csv").read_text("utf-8-sig").replace("0812-34", "0812-0000-0001"), "utf-8")
    assert (await load(database, corrected)).inserted == 1
    assert await rows(database, "SELECT attributes FROM people") == [({"note": "=HYPERLINK(1)"},)]


async def test_the_rejects_file_is_private_and_leaves_with_its_reason(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ANI | {"phone": "0812-34"})
    await load(database, path)
    rejects = tmp_path / "a.csv.rejects.csv"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    await load(database, write(path, ANI))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        (" =cmd|x", "' =cmd|x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("+62 812-0000-0001", "+62 812-0000-0001"),
        ("-5", "-5"),
        ("O'Brien", "O'Brien"),
        ("'tis", "'tis"),
    ],
)
def test_no_cell_of_the_rejects_file_is_a_formula_and_phones_survive(cell: str, written: str) -> None:
    assert safe(cell) == written
    assert unsafe(written) == cell


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("header.csv", b"nomer,nama\n1,Ani\n"),
        ("twice.csv", b"customer_no,name,nama\n1,Ani,Ani\n"),
        ("quote.csv", b'customer_no,name\n1,Ani\n2,"Budi\n'),
        ("late.csv", b"customer_no,name\n" + b"1,Ani\n" * 20_000 + b'2,"Budi\n'),
        ("broken.xlsx", b"PK\x03\x04broken"),
    ],
)
async def test_a_file_that_cannot_be_taken_leaves_nothing_behind(database: Database, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        await load(database, path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    assert await rows(database, "SELECT FROM people") == []
    assert list(tmp_path.iterdir()) == [path]


async def test_a_workbook_is_imported_like_a_csv(database: Database, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Nomor Nasabah", "Nama", "HP", "Nilai Portofolio", "Tanggal Lahir"])
    sheet.append([1001, "Ani", 6281200000001, 500_000_000.5, "31/01/1990"])
    sheet.append([1002, "Budi", "0812-34", None, None])
    path = tmp_path / "people.xlsx"
    book.save(path)
    report = await load(database, path)
    assert (report.inserted, report.rejected) == (1, 1)
    assert _rejects(path)[1][2:] == ["1002", "Budi", "0812-34", "", ""]
    assert (await load(database, path)).unchanged == 1
    assert await rows(database, "SELECT customer_no, portfolio_value::text, birthday::text FROM people") == [
        ("1001", "500000000.50", "1990-01-31"),
    ]


async def test_two_imports_at_once_come_out_as_one_after_the_other(database: Database, tmp_path: Path) -> None:
    people = [ANI | {"customer_no": f"C{n}"} for n in range(300)]
    first, second = write(tmp_path / "a.csv", *people), write(tmp_path / "b.csv", *people)
    reports = await asyncio.gather(load(database, first), load(database, second))
    assert sorted(report.inserted for report in reports) == [0, 300]
    assert await rows(database, "SELECT count(*) FROM permissions") == [(300,)]
