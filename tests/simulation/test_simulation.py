"""The simulation in small: seeds that find nothing, and a seed that is the same each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.theatre import Verdict, seeds, server


@pytest.fixture(scope="module")
def own_server() -> Iterator[str]:
    with server() as uri:
        yield uri


@pytest.fixture(scope="module")
def lived(own_server: str) -> list[Verdict]:
    return list(seeds(own_server, range(10)))


def test_no_seed_loses_doubles_or_breaks_anything(lived: list[Verdict]) -> None:
    assert [(f"python -m tests.simulation --seed {each.seed}", each.faults) for each in lived if each.faults] == []
    assert sum(each.attempts for each in lived) > 60


def test_a_seed_is_the_same_to_the_byte_whatever_went_before_it(lived: list[Verdict], own_server: str) -> None:
    again = list(seeds(own_server, [9, 3]))
    assert [each.trace for each in again] == [lived[each.seed].trace for each in again]


def test_who_waits_for_the_database_waits_on_the_clock_of_the_seed(own_server: str) -> None:
    once, again = seeds(own_server, [46, 46])
    assert once.trace == again.trace
