"""A year of the example for every second of 2,000 customers, from the first on."""

from __future__ import annotations

from pathlib import Path

from jobs.house import House
from tests.core.year import half, play_a_year


async def test_a_year_of_the_example_breaks_no_rule_and_leaves_nothing_behind(house: House, tmp_path: Path) -> None:
    await play_a_year(await half(house, tmp_path, 1))
