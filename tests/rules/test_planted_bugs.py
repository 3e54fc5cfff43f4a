"""The oracle of weeks is worth its name: each bug that is planted in a copy of the rules is found, and the copy alone is none."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from itertools import count
from pathlib import Path
from random import Random

import pytest

import rules
from tests.rules.weeks.bugs import BUGS, Bug
from tests.rules.weeks.events import live
from tests.rules.weeks.rulebook import Rulebook, rulebook

SOURCE = Path(rules.__file__).parent
WEEKS = 1000  # most bugs are found within 50
_numbers = count(1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Packages in it can be imported, and are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("copy_of_rules_"):
            del sys.modules[name]


def copied(folder: Path, bug: Bug | None = None) -> Rulebook:
    """The rules under another name, but for the values of rules.facts, with one snippet replaced."""
    name = f"copy_of_rules_{next(_numbers)}"
    (folder / name).mkdir()
    for path in SOURCE.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if bug and path.stem == bug.module:
            assert text.count(bug.right) == 1, f"{path.name} has not exactly one: {bug.right}"
            text = text.replace(bug.right, bug.wrong)
        text = re.sub(r"^from rules\.(?!facts\b)", f"from {name}.", text, flags=re.MULTILINE)
        (folder / name / path.name).write_text(text, encoding="utf-8")
    invalidate_caches()
    return rulebook(name)


def live_through(book: Rulebook, weeks: int) -> None:
    for seed in range(weeks):
        live(Random(seed).choice, book)


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, folder: Path) -> None:
    with pytest.raises(AssertionError, match="should be"):
        live_through(copied(folder, BUGS[name]), WEEKS)


def test_a_copy_without_a_bug_is_not_found_fault_with(folder: Path) -> None:
    live_through(copied(folder), WEEKS // 10)
