"""docs/reliability.md: each promise that is tried stands there, and its figures are those the command wrote, not somebody's hand."""

from __future__ import annotations

import json

from tests.chaos.promises import Promise, Verdict
from tests.chaos.registry import PROMISES
from tests.chaos.report import FIGURES, PAGE, Run, entry, filled

PAGE_TEXT = "before\n<!-- chaos: p -->\n| old | 1 |\n<!-- /chaos -->\nbetween\n<!-- chaos: q -->\n<!-- /chaos -->\nafter\n"


def test_every_promise_that_is_tried_has_its_place_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [promise.name for promise in PROMISES if f"<!-- chaos: {promise.name} -->\n" not in page] == []


def test_the_figures_on_the_page_are_those_the_command_wrote() -> None:
    page = PAGE.read_text(encoding="utf-8")
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    assert filled(page, known) == page
    assert known.keys() <= {promise.name for promise in PROMISES}


def test_a_run_replaces_its_own_table_and_no_other() -> None:
    def keep(seed: int) -> Verdict:
        return Verdict({}, [])

    broken = Run(Promise("p", "Nothing is lost.", keep), 7, 12, Verdict({"lost": 2}, ["a", "b"]))
    page = filled(PAGE_TEXT, {"p": entry(broken)})
    assert "old" not in page
    assert "| **Broken**, 2 times | in 12 s |\n| lost | 2 |\n| Run | " in page
    assert page.endswith("<!-- /chaos -->\nbetween\n<!-- chaos: q -->\n<!-- /chaos -->\nafter\n")
