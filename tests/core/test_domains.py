"""A receiving domain that asks for less gets less, and nobody else waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text

from channels.base import Address, Retry, Sent
from channels.sandbox.faults import Rule
from channels.signals import SlowDown
from jobs.blocks import BLOCK
from jobs.domains import FIRST, words
from jobs.housekeeping import housekeeping
from jobs.retry import MAX_ATTEMPTS
from store import domains
from store.domains import Strike
from store.engine import Database
from tests.channels import samples
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person, rows, statuses

START = at("2026-11-20 19:00")


async def written_to(database: Database, number: int, domain: str, **changes: object) -> str:
    """One more customer, with a mailbox there; returns the address."""
    person_id = await person(database, number, sorts=(), **changes)
    address = f"c{number}@{domain}"
    async with database.begin() as connection:
        await connection.execute(
            text("INSERT INTO addresses (person_id, sort, kind, value) VALUES (:p, 'email', 'email', :a)"), {"p": person_id, "a": address}
        )
    return address


async def asked(database: Database, moments: Sequence[datetime], seconds: float = 30) -> list[tuple[int, float]]:
    """(strikes, length of the pause) after each of several words of one domain."""
    found = []
    for now in moments:
        async with database.begin() as connection:
            [slow] = await domains.strike(connection, "email", [Strike("slow.example", seconds, "421")], now)
        found.append((slow.strikes, (slow.until - now).total_seconds()))
    return found


async def test_mail_to_a_domain_that_asks_for_less_waits_uncounted_and_all_other_mail_goes(stage: Stage) -> None:
    database = stage.house.database
    slow_ones = {1: "Slow.example", BLOCK[0] + 1: "slow.example", BLOCK[0] + 2: "slow.example"}
    addresses = [await written_to(database, number, slow_ones.get(number, "fast.example")) for number in range(1, BLOCK[0] + 4)]
    stage.provider.faults.add(Rule(channel="email", kind="421 4.3.2 Later", address=addresses[0], times=1))
    await configure(stage.house, files(campaign(channels="[email]")))
    await stage.until("2026-11-20 19:00")
    [slow] = await rows(database, "SELECT domain, until, strikes, reason FROM slow_domains")
    assert (slow.domain, slow.strikes, slow.reason) == ("slow.example", 1, "421 4.3.2")
    waiting = await rows(database, "SELECT reason, next_attempt_at, attempts FROM messages WHERE status <> 'sent' ORDER BY id")
    assert waiting[0].reason == "retry:421 4.3.2"
    assert [(row.reason, row.next_attempt_at, row.attempts) for row in waiting[1:]] == [("slow_domain:slow.example", slow.until, 0)] * 2
    [account] = await rows(database, "SELECT open_until, failures FROM limits WHERE channel = 'email'")
    assert (account.open_until, account.failures) == (None, 0)
    await stage.until("2026-11-20 19:05")
    assert {row[2] for row in await statuses(database)} == {"sent"}


async def test_the_pause_doubles_while_a_domain_goes_on_and_quiet_takes_it_back(database: Database) -> None:
    second = timedelta(seconds=1)
    # At once, again while it is paused, when the pause is over, and when that one is.
    moments = [START, START + 5 * second, START + 40 * second, START + 110 * second]
    assert await asked(database, moments) == [(1, 30), (1, 30), (2, 60), (3, 120)]
    end = moments[-1] + timedelta(seconds=120)
    assert await asked(database, [end + timedelta(minutes=61)]) == [(2, 60)]
    assert await asked(database, [end + timedelta(hours=9)]) == [(1, 30)]


async def test_mail_that_is_taken_takes_strikes_back_and_one_refusal_among_it_is_none(database: Database) -> None:
    assert await asked(database, [START, START + timedelta(seconds=31)]) == [(1, 30), (2, 60)]
    now = START + timedelta(minutes=3)
    async with database.begin() as connection:
        await domains.forgive(connection, "email", ["slow.example", "fast.example"], START + timedelta(seconds=40))  # still paused
        await domains.forgive(connection, "email", ["slow.example"], now)
        [slow] = await domains.strike(connection, "email", [Strike("slow.example", 30, "421", another=False)], now)
    assert (slow.strikes, slow.until) == (1, now + timedelta(seconds=30))


async def test_a_domain_that_takes_nothing_for_hours_costs_its_mail_no_tries(stage: Stage) -> None:
    database = stage.house.database
    await written_to(database, 1, "slow.example")
    stage.provider.faults.add(Rule(channel="email", kind="421 4.3.2 Later", address="*@slow.example"))
    await configure(stage.house, files(campaign(channels="[email]", window="any-time", expires="1d")))
    await stage.until("2026-11-21 03:00")
    [message] = await rows(database, "SELECT status, attempts FROM messages")
    assert (message.status, message.attempts) == ("deferred", 0)
    assert len(await rows(database, "SELECT FROM attempts")) > MAX_ATTEMPTS
    stage.provider.faults.clear()
    await stage.until("2026-11-21 05:00")
    assert [row[2] for row in await statuses(database)] == ["sent"]


def test_a_refusal_counts_where_the_domain_takes_other_mail() -> None:
    refused = Retry("450 4.7.1", signal=SlowDown(timedelta(seconds=5), "slow.example"))
    envelope = samples.envelope(samples.EMAIL, Address(1, "email", "a@slow.example"))
    assert words([((envelope,), refused)]).free(refused)
    heard = words([((envelope,), refused), ((envelope,), Sent("1"))])
    assert not heard.free(refused)
    assert not heard.asked["slow.example"].another


async def test_no_pause_is_longer_than_an_hour(database: Database) -> None:
    now, pauses = START, []
    for _ in range(9):
        [(_, pause)] = await asked(database, [now])
        pauses.append(pause)
        now += timedelta(seconds=pause + 1)
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_after_a_pause_a_few_go_first_and_the_others_soon(stage: Stage) -> None:
    database = stage.house.database
    for number in range(1, 10):
        await written_to(database, number, "slow.example")
    await configure(stage.house, files(campaign(channels="[email]")))
    await asked(database, [START - timedelta(seconds=32)])
    await stage.until("2026-11-20 19:00")
    found = [row[2] for row in await statuses(database)]
    assert (found.count("sent"), found.count("deferred")) == (FIRST, 9 - FIRST)
    await stage.until("2026-11-20 19:01")
    assert {row[2] for row in await statuses(database)} == {"sent"}


async def test_a_domain_long_quiet_is_forgotten(stage: Stage) -> None:
    await asked(stage.house.database, [START])
    await housekeeping(stage.house, START + timedelta(hours=25))
    assert await rows(stage.house.database, "SELECT FROM slow_domains") == []
