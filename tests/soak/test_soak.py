"""The soak in short: days pass, everything goes out, what is over goes, and nothing grows. `make soak` is the long one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.measure import SETTLED, Day, grown
from tests.soak.soak import soak

PEOPLE, DAYS = 200, 8
KEPT_DAYS = 2  # of the three of KABAR_RETENTION__MESSAGES: the clock jumps a day before housekeeping comes
FLAT = [Day(1.0, 100_000_000, 50, 10, {"messages": 50_000_000}) for _ in range(SETTLED + 4)]


def test_a_daemon_that_lives_for_days_sends_everything_and_keeps_no_more_than_it_is_told_to(database_url: str) -> None:
    seen = soak(database_url, days=DAYS, people=PEOPLE)
    assert seen.taken == DAYS * PEOPLE
    assert (seen.kept, seen.sent) == (KEPT_DAYS * PEOPLE, KEPT_DAYS * PEOPLE)
    assert not grown(seen.days)


def test_what_is_flat_is_not_called_grown() -> None:
    assert grown(FLAT) == []


SWOLLEN = [
    replace(FLAT[-1], memory=120_000_000),
    replace(FLAT[-1], handles=60),
    replace(FLAT[-1], connections=12),
    replace(FLAT[-1], tables={"messages": 60_000_000}),
]


@pytest.mark.parametrize("day", SWOLLEN)
def test_what_grows_late_is_seen(day: Day) -> None:
    assert len(grown([*FLAT[:-1], day])) == 1


def test_what_grows_before_as_much_goes_as_comes_is_not_counted() -> None:
    assert grown([replace(FLAT[0], memory=10_000_000), *FLAT[1:]]) == []


def test_too_few_days_tell_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        grown(FLAT[:SETTLED])
