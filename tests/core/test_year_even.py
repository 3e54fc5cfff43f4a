"""A year of the example for every second of 2,000 customers, from the second on; and the same stretch twice."""

from __future__ import annotations

from pathlib import Path

from jobs.house import House
from tests.core.year import PEOPLE, fingerprint, half, play_a_year
from tests.world import at


async def test_a_year_of_the_example_breaks_no_rule_and_leaves_nothing_behind(house: House, tmp_path: Path) -> None:
    await play_a_year(await half(house, tmp_path, 0))


async def test_the_same_people_and_rules_are_decided_on_the_same_way_twice(house: House, tmp_path: Path) -> None:
    await half(house, tmp_path, 0)
    count, decisions = await fingerprint(house, at("2026-11-23 00:00"))
    assert count > PEOPLE / 2
    assert await fingerprint(house, at("2026-11-23 00:00")) == (count, decisions)
