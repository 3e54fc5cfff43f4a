"""A workbook packed in a way that unpacks without bounds is refused before a byte of it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from config.problems import ConfigError
from jobs.customers.reader import open_source


def repacked(path: Path, packing: int) -> Path:
    """A good workbook, by this method of packing."""
    book = Workbook()
    book.create_sheet("customers", 0).append(["customer_no", "name"])
    book.save(path.with_suffix(".real"))
    with zipfile.ZipFile(path.with_suffix(".real")) as real, zipfile.ZipFile(path, "w", packing) as target:
        for name in real.namelist():
            target.writestr(name, real.read(name))
    return path


# By these two zipfile unpacks all it was given at once: 483 bytes took 800 megabytes.
@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_no_spreadsheet_packs_like_is_refused(packing: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="packed as no workbook is"), open_source(repacked(tmp_path / "a.xlsx", packing)):
        pass


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_what_spreadsheets_pack_like_is_read(packing: int, tmp_path: Path) -> None:
    with open_source(repacked(tmp_path / "a.xlsx", packing)) as source:
        assert [cells for _, cells in source.records] == [["customer_no", "name"]]
