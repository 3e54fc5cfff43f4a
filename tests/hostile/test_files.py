"""Small files that would be gigabytes are refused at once, in little memory, with what is wrong with them."""

from __future__ import annotations

import resource
import subprocess
import sys
import tracemalloc
import zipfile
from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook

from config.problems import ConfigError, Problem
from config.source import MAX_PROBLEMS, read
from config.templating import RenderError, TemplateError, compile_text, uses
from jobs.customers.cells import read_cells
from jobs.customers.columns import read_header
from jobs.customers.reader import BATCH, batches, header_of, open_source
from store.people import FIELDS

START = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
MEGABYTE = 1 << 20
ALLOWED = 60  # megabytes over what the imports themselves take; the bombs below took between 900 and 3,400
READ = """
import resource, sys
from pathlib import Path
from config.problems import ConfigError
from jobs.customers.reader import open_source
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        with open_source(Path(path)) as source:
            for _ in source.records:
                pass
        print(path, "was read")
    except ConfigError as error:
        print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def forged(path: Path, sheet: bytes, part: str = "xl/worksheets/sheet1.xml") -> Path:
    """A real workbook with one part replaced by so much of the same."""
    book = Workbook()
    book.save(path.with_suffix(".real"))
    with zipfile.ZipFile(path.with_suffix(".real")) as real, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for info in real.infolist():
            target.writestr(info.filename, sheet if info.filename == part else real.read(info))
    return path


TEXTS = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>' + b"x" * 1_000_000 + b"</t></si></sst>"
KIND = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


def repeated(path: Path, cells: int, rows: int) -> Path:
    """A workbook with one text of a megabyte, that stands in so many cells."""
    sheet = START + (b"<row>" + b'<c t="s"><v>0</v></c>' * cells + b"</row>") * rows + b"</sheetData></worksheet>"
    forged(path.with_suffix(".plain"), sheet)
    with zipfile.ZipFile(path.with_suffix(".plain")) as real, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in real.namelist():
            entry = b'<Override PartName="/xl/sharedStrings.xml" ContentType="' + KIND + b'"/></Types>'
            target.writestr(name, real.read(name).replace(b"</Types>", entry))
        target.writestr("xl/sharedStrings.xml", TEXTS)
    return path


SHEETS = [
    (START + b"<row/>" * 2_000_000, "more than 1,048,576 rows"),
    (START + b'<row r="99999999999"/>', "more than 1,048,576 rows"),
    (START + b"<row>" + b"<c/>" * 1_000_000, "more than 1,000 columns"),
    (START + b'<row><c r="XFD1"/>', "more than 1,000 columns"),
    (START + b'<row><c r="A1" t="inlineStr"><is><t>' + b"x" * (20 * MEGABYTE), "a text of more than 1,048,576 bytes"),
    (START + b"</sheetData>" + b'<junk a="1"/>' * 1_000_000, "more styles, formulas or other parts"),
    (b"<a>" * 1_000_000, "more styles, formulas or other parts"),
    (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + START, "declares entities"),
    ('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'.encode("utf-16"), "declares entities"),
]
TABLES = [
    (b"customer_no,name\n1," + b"x" * (60 * MEGABYTE), ":2:1: this line is longer than"),
    (b"," * (60 * MEGABYTE), ":1:1: this line is longer than"),
    (b"customer_no,name\n" + b'"a\n",' * (10 * MEGABYTE), "a row of more than 4,194,304 characters"),
    ("customer_no,name\n".encode("utf-16-le"), "is UTF-16 text"),
]


def test_files_made_to_burst_are_refused_in_little_memory(tmp_path: Path) -> None:
    wanted = {}
    for number, (sheet, words) in enumerate(SHEETS):
        wanted[forged(tmp_path / f"{number}.xlsx", sheet)] = words
    for number, part in enumerate(("xl/styles.xml", "[Content_Types].xml")):
        wanted[forged(tmp_path / f"part-{number}.xlsx", b"<x>" + b"<font/>" * 300_000, part)] = "more styles"
    for number, (cells, rows) in enumerate(((900, 2), (2, 1_100))):
        wanted[repeated(tmp_path / f"repeated-{number}.xlsx", cells, rows)] = "more text than a table needs"
    for number, (table, words) in enumerate(TABLES):
        (tmp_path / f"{number}.csv").write_bytes(table)
        wanted[tmp_path / f"{number}.csv"] = words
    done = subprocess.run([sys.executable, "-c", READ, *map(str, wanted)], capture_output=True, text=True, check=True, timeout=120)
    *said, grown = done.stdout.splitlines()
    assert [line for line, words in zip(said, wanted.values(), strict=True) if words not in line] == []
    assert int(grown) < ALLOWED


def test_a_header_without_end_is_refused_before_its_columns_are_compared(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_text("customer_no,name," + ",".join(f"c{number}" for number in range(100_000)))
    with open_source(file) as opened, pytest.raises(ConfigError, match="more than 1,000 columns"):
        header_of(file, opened)


def test_long_rows_are_held_a_few_at_a_time() -> None:
    rows = [(line, ["x" * MEGABYTE]) for line in range(40)]
    assert [len(batch) for batch in batches(iter(rows))] == [16, 16, 8]
    assert [len(batch) for batch in batches((line, ["x"]) for line in range(BATCH + 1))] == [BATCH, 1]


def test_cells_of_a_megabyte_are_not_remembered() -> None:
    cells = read_cells(read_header("f", 1, ["customer_no", "name", "locale", "email", "consent_push"]), date(2026, 11, 27))
    rows = [" " * (MEGABYTE + number) for number in range(30)]
    tracemalloc.start()
    for blank in rows:
        assert [cell.read(blank) for cell in cells.values[2:]] == [None] * len(FIELDS[1:])
        assert cells.consents[0].read(blank, "") is None
        with pytest.raises(ValueError, match="more than 254"):
            cells.contacts[0].read("a@" + "b" * len(blank))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del rows
    assert held < MEGABYTE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 0x" + "f" * 9000, "is not a number"),
        ('a: "\\U00FFFFFF"', "stands for no character"),
        ('a: "\\0"', "U+0000 is no text"),
        ('a: "\\ud800"', "U+D800 is no text"),
        ("a: \u202egnp.exe", "U+202E is no text"),
        ("a: 1\n" * 5000, "mistakes stand before this one"),
    ],
)
def test_yaml_that_would_break_what_comes_after_is_refused_with_its_place(text: str, words: str) -> None:
    problems: list[Problem] = []
    read("f.yaml", text, problems)
    assert any(words in str(problem) and problem.line for problem in problems)
    assert len(problems) <= MAX_PROBLEMS + 1


@pytest.mark.parametrize("text", ["{{ " + "9" * 40_000 + " }}", "{{ 1e999 | rupiah }}", "{{ 9999999999999999 }}"])
def test_a_number_without_end_is_refused_when_the_template_is_read(text: str) -> None:
    with pytest.raises(TemplateError, match="digits"):
        uses(text)


@pytest.mark.parametrize(
    ("text", "value"), [("{{ name }}", "<" * 50_000_000), ("{{ name | rupiah }}", "1e999999"), ("{{ name | rupiah }}", "Infinity")]
)
def test_a_value_without_end_fails_before_it_is_escaped_or_written_out(text: str, value: str) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RenderError):
        compile_text(text, autoescape=True).render({"name": value})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < ALLOWED * 1024
