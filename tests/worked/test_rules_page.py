"""docs/rules.md says what the rules do: each of its examples is run, and says so itself."""

from __future__ import annotations

import re

import pytest

from rules.facts import Code
from tests.core.conftest import Stage
from tests.worked.checked import answer
from tests.worked.clock import read_time, show_time
from tests.worked.hours import stretches
from tests.worked.judged import Case
from tests.worked.page import Block, blocks, examples, sections
from tests.worked.played import Play
from tests.worked.runs import times

POINTS = range(1, 12)


@pytest.mark.parametrize("block", examples("judged"), ids=str)
def test_an_example_is_decided_as_the_page_says(block: Block) -> None:
    case = Case(block)
    assert case.told() == case.example.then


@pytest.mark.parametrize("block", examples("hours"), ids=str)
def test_hours_are_open_as_the_page_says(block: Block) -> None:
    expected, found = stretches(block)
    assert found == expected


@pytest.mark.parametrize("block", examples("runs"), ids=str)
def test_a_campaign_happens_when_the_page_says(block: Block) -> None:
    expected, found = times(block)
    assert found == expected


@pytest.mark.parametrize("block", examples("check"), ids=str)
def test_a_mistake_is_refused_as_the_page_says(block: Block) -> None:
    expected, found = answer(block)
    assert found == [expected]


@pytest.mark.parametrize("block", examples("played"), ids=str)
async def test_an_example_is_played_as_the_page_says(block: Block, stage: Stage) -> None:
    for expected, found in await Play(block, stage).run():
        assert found == expected


def test_every_block_is_run() -> None:
    known = {"common", "judged", "hours", "runs", "check", "played"}
    assert {block.kind for block in blocks()} <= known
    titles = [block.title for block in blocks()]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("point", POINTS)
def test_every_point_has_its_section_with_an_example(point: int) -> None:
    [heading] = [each for each in sections() if each.startswith(f"{point}. ")]
    assert [block for block in blocks() if block.section == heading and block.kind != "common"]


def test_the_table_of_reasons_is_the_order_of_the_checks() -> None:
    [table] = [text for heading, text in sections().items() if heading.startswith("2. ")]
    assert re.findall(r"^\| \d+ \|[^|]*\| `(\w+)`", table, flags=re.MULTILINE) == [str(code) for code in Code]


@pytest.mark.parametrize("text", ["Sun 2026-11-01 01:30 EDT", "Sun 2026-11-01 01:30 EST", "Sun 2026-03-08 03:00"])
def test_a_time_of_the_page_is_one_instant(text: str) -> None:
    assert show_time(read_time(text, "America/New_York"), "America/New_York") == text


@pytest.mark.parametrize("text", ["Sat 2026-11-20 19:00", "Sun 2026-03-08 02:30", "Fri 2026-11-20 19:00 WIT"])
def test_a_time_that_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is never shown"):
        read_time(text, "America/New_York")
