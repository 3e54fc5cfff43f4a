"""Leases of the accounts' pace, and the breaker: what the rows of `limits` grant to whom, on a clock in the hand."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from jobs.house import House
from jobs.turns import AHEAD, LONGEST_WAIT
from store import breaker, limits, turns
from store.breaker import LONGEST, PAUSE, SHORTEST, Breaker, Count
from store.turns import Lease
from tests.conftest import FRIDAY_EVENING as NOW

SECOND = timedelta(seconds=1)


async def accounts(house: House, **shares: float) -> list[str]:
    """Rows of e-mail accounts of 100 a second each."""
    async with house.database.begin() as connection:
        for name, share in shares.items():
            await limits.ensure(connection, account=name, channel="email", rate=100, share=share, now=NOW)
    return list(shares)


async def take(house: House, names: list[str], now: datetime = NOW, *, n: int = 10, least: int = 1, urgent: bool = False) -> Lease | None:
    async with house.database.alone() as connection:
        ahead = LONGEST_WAIT if urgent else AHEAD
        found = await turns.take(connection, names, least=least, n=n, ahead=ahead, urgent=urgent, shy=urgent, now=now)
        return found if isinstance(found, Lease) else None


async def again(house: House, names: list[str], now: datetime = NOW) -> datetime | None:
    async with house.database.alone() as connection:
        found = await turns.take(connection, names, least=1, n=10, ahead=AHEAD, urgent=False, shy=False, now=now)
        assert not isinstance(found, Lease)
        return found


async def settle(
    house: House, name: str, now: datetime, *, ok: int = 0, bad: int = 0, probe: bool = False, took: float = 0.1, waited: float = 0.0
) -> Breaker:
    async with house.database.begin() as connection:
        told = await breaker.settled(connection, name, Count(ok, bad, took, "breaker:x", waited), probe=probe, now=now)
    assert told is not None
    return told


async def test_leases_follow_each_other_and_no_bulk_is_leased_far_ahead(house: House) -> None:
    names = await accounts(house, a=1)
    leases = await asyncio.gather(*(take(house, names) for _ in range(8)))
    starts = sorted(lease.start for lease in leases if lease)
    assert starts == [NOW + timedelta(seconds=0.1) * number for number in range(6)]  # 0.5 s ahead, and not one more
    assert await again(house, names) == NOW + timedelta(seconds=0.1)


async def test_what_is_important_goes_before_what_is_leased_and_bulk_makes_room(house: House) -> None:
    names = await accounts(house, a=1)
    while await take(house, names):
        continue
    first = await take(house, names, n=3, urgent=True)
    assert first is not None
    assert (first.start, first.n) == (NOW, 1)
    assert await again(house, names) == NOW + timedelta(seconds=0.11)  # the rate is the rate
    second = await take(house, names, n=3, urgent=True)  # no more than one in fifty so: the next takes the next free slot
    assert second is not None
    assert (second.start, second.n) == (NOW + timedelta(seconds=0.61), 3)
    later = await take(house, names, NOW + timedelta(seconds=0.5), urgent=True)
    assert later is not None
    assert later.start == NOW + timedelta(seconds=0.5)


async def test_a_slow_account_does_not_leave_its_rate_even_for_what_is_important(house: House) -> None:
    async with house.database.begin() as connection:
        await limits.ensure(connection, account="a", channel="email", rate=10, now=NOW)
    assert await take(house, ["a"], n=1) is not None
    lease = await take(house, ["a"], n=1, urgent=True)
    assert lease is not None
    assert lease.start == NOW + timedelta(seconds=0.1)


async def test_a_lease_is_no_longer_than_a_quarter_of_a_second_unless_one_message_needs_more(house: House) -> None:
    names = await accounts(house, a=1)
    assert (lease := await take(house, names, n=90)) is not None
    assert lease.n == 25
    assert (lease := await take(house, names, NOW + SECOND, n=90, least=30)) is not None
    assert lease.n == 30


async def test_shares_divide_what_goes_and_who_is_full_is_helped_out(house: House) -> None:
    names = await accounts(house, a=3, b=1)
    given = [await take(house, names, NOW + number * SECOND / 10, n=5) for number in range(40)]
    counts = [sum(lease.n for lease in given if lease and lease.account == name) for name in names]
    assert counts == [150, 50]
    crowd = [await take(house, names, NOW + 60 * SECOND, n=25) for _ in range(6)]
    assert sorted(lease.account for lease in crowd if lease) == ["a", "a", "a", "b", "b", "b"]


async def test_who_answers_late_gets_less_and_the_more_again_the_quicker_it_is(house: House) -> None:
    names = await accounts(house, a=1, b=1)
    await settle(house, "a", NOW, ok=1, took=0.1)
    await settle(house, "b", NOW, ok=1, took=1.8)

    async def part_of_b(since: datetime) -> float:
        given = [await take(house, names, since + number * SECOND / 10, n=5) for number in range(60)]
        return sum(lease.account == "b" for lease in given if lease) / len(given)

    slow = await part_of_b(NOW)
    for _ in range(20):
        await settle(house, "b", NOW, ok=1, took=0.1)
    assert 0.05 < slow < 0.2
    assert 0.4 < await part_of_b(NOW + 120 * SECOND) < 0.6


async def test_the_breaker_opens_is_tried_by_one_message_of_one_worker_and_closes(house: House) -> None:
    names = await accounts(house, a=1)
    changes = [await settle(house, "a", NOW, bad=4) for _ in range(6)]
    assert [(each.before, each.after) for each in changes] == [("closed", "closed")] * 4 + [("closed", "open"), ("open", "open")]
    assert await again(house, names) == NOW + timedelta(seconds=PAUSE)
    later = NOW + timedelta(seconds=PAUSE)
    tried = [lease for lease in await asyncio.gather(*(take(house, names, later, n=50) for _ in range(8))) if lease]
    assert [(lease.n, lease.probe, lease.turned) for lease in tried] == [(1, True, True)]
    await settle(house, "a", later, ok=5)  # answers to what went before it opened decide nothing
    assert await take(house, names, later + SECOND) is None
    closed = await settle(house, "a", later + SECOND, ok=1, probe=True)
    assert (closed.before, closed.after) == ("half_open", "closed")
    assert (lease := await take(house, names, later + SECOND, n=10)) is not None
    assert (lease.n, lease.probe) == (10, False)


async def test_a_failed_trial_doubles_the_pause_up_to_ten_seconds(house: House) -> None:
    names, now = await accounts(house, a=1), NOW
    became = await settle(house, "a", now, bad=20)
    pauses = []
    for _ in range(6):
        assert became.open_until is not None
        pauses.append((became.open_until - now).total_seconds())
        now = became.open_until
        lease = await take(house, names, now)
        assert lease is not None
        became = await settle(house, "a", now, bad=1, probe=lease.probe)
        assert (became.before, became.after) == ("half_open", "open")
    assert pauses == [5, LONGEST, LONGEST, LONGEST, LONGEST, LONGEST]


@pytest.mark.parametrize(("waited", "pause"), [(2.0, 3.0), (12.0, SHORTEST)])
async def test_what_was_waited_for_an_answer_is_part_of_the_pause(house: House, waited: float, pause: float) -> None:
    await accounts(house, a=1)
    became = await settle(house, "a", NOW, bad=20, waited=waited)
    assert became.open_until == NOW + timedelta(seconds=pause)


async def test_a_trial_whose_worker_died_is_made_again(house: House) -> None:
    names = await accounts(house, a=1)
    await settle(house, "a", NOW, bad=20)
    later = NOW + timedelta(seconds=PAUSE)
    assert await take(house, names, later) is not None
    assert await take(house, names, later + timedelta(seconds=turns.TRIAL - 1)) is None
    assert (lease := await take(house, names, later + timedelta(seconds=turns.TRIAL))) is not None
    assert (lease.probe, lease.turned) == (True, False)


async def test_half_of_the_answers_bad_open_it_too_and_a_few_do_not(house: House) -> None:
    await accounts(house, a=1)
    few = [await settle(house, "a", NOW, ok=8, bad=2) for _ in range(20)]
    assert {each.after for each in few} == {"closed"}
    many = [await settle(house, "a", NOW, ok=1, bad=9) for _ in range(8)]
    assert many[-1].after == "open"


async def test_traffic_leaves_an_account_that_is_held_and_comes_back_little_by_little(house: House) -> None:
    names = await accounts(house, a=1, b=1)
    async with house.database.begin() as connection:
        assert await limits.slow_down(connection, "b", 30 * SECOND, "429", NOW)
        assert not await limits.slow_down(connection, "b", 30 * SECOND, "429", NOW)  # no news to a second worker

    async def part_of_b(since: datetime) -> float:
        given = [await take(house, names, since + number * SECOND / 10, n=5) for number in range(100)]
        return sum(lease.account == "b" for lease in given if lease) / len(given)

    parts = [await part_of_b(NOW + timedelta(seconds=at)) for at in (0, 40, 80, 160)]
    assert parts[0] == 0
    assert parts == sorted(parts)
    assert 0.05 < parts[1] < 0.3
    assert 0.4 < parts[3] < 0.6


async def test_all_stopped_means_nobody_knows_when(house: House) -> None:
    names = await accounts(house, a=1, b=1)
    async with house.database.begin() as connection:
        assert await limits.stop(connection, "a", "email", "190", NOW)
        assert not await limits.stop(connection, "b", "email", "190", NOW)  # the last one: that is for the channel
        assert await limits.others(connection, "b", "email") == 0
    assert (lease := await take(house, names)) is not None
    assert lease.account == "b"
    async with house.database.begin() as connection:
        assert await limits.stop(connection, "b", "email", "by hand", NOW, last=True)
    assert await again(house, names) is None
    async with house.database.begin() as connection:
        assert await limits.resume(connection, None) == ["a", "b"]
    assert await take(house, names) is not None


@pytest.mark.parametrize("hours", [1, 24])
async def test_a_clock_that_was_set_back_stops_no_account_and_keeps_the_pace(house: House, hours: int) -> None:
    """What was booked by the other clock is no booking, and what was used then is not used for ever."""
    names = await accounts(house, a=1, b=1)
    ahead = NOW + timedelta(hours=hours)
    for _ in range(4):
        assert await take(house, names, ahead)
    leases = [await take(house, names) for _ in range(4)]
    starts = sorted((lease.account, lease.start) for lease in leases if lease)
    tenth = timedelta(seconds=0.1)
    assert starts == [("a", NOW), ("a", NOW + tenth), ("b", NOW), ("b", NOW + tenth)]
