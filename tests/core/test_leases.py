"""KABAR_LEASE: how soon others take up what a dead worker held, and that no lease is shorter than a send may take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from channels.base import Adapter, Envelope, Outcome
from channels.registry import CHANNELS
from channels.sandbox.faults import Rule
from config.problems import ConfigError
from config.settings import Settings
from jobs.blocks import claim
from jobs.clock import VirtualClock
from jobs.dispatch import dispatch
from jobs.house import House
from jobs.plan import plan
from jobs.sweep import Swept, sweep
from jobs.turns import Turn, turn
from jobs.valve import valve
from scheduler.accounts import open_accounts
from scheduler.firing import fire
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person, rows


async def _released(house: House, clock: VirtualClock, channel: str = "push") -> int:
    """One message, released; the number of its chunk."""
    await person(house.database, 1)
    await configure(house, files(campaign(window="any-time", channels=f"[{channel}]")))
    await fire(house, clock.now())
    clock.advance_to(at("2026-11-20 18:46"))
    await fire(house, clock.now())
    await plan(house, clock.now())
    assert (await valve(house, clock.now())).released == 1
    [row] = await rows(house.database, "SELECT chunk_id FROM messages")
    return int(row.chunk_id)


@pytest.mark.parametrize("seconds", [12, 120])
async def test_what_a_dead_worker_held_is_free_when_the_lease_has_run_out(stage: Stage, seconds: int) -> None:
    house, clock = replace(stage.house, settings=Settings(lease=seconds)), stage.clock
    chunk = await _released(house, clock)
    assert await claim(house, house.channels["push"], chunk, 50)
    lapsed = []
    for later in (seconds - 1, 2):
        clock.advance_to(clock.now() + timedelta(seconds=later))
        lapsed.append((await sweep(house, clock.now())).lapsed)
    assert lapsed == [0, 1]


@pytest.mark.parametrize("seconds", [12, 120])
async def test_a_chunk_nobody_was_told_of_gets_another_job_after_a_quarter_of_the_lease(stage: Stage, seconds: int) -> None:
    house, clock = replace(stage.house, settings=Settings(lease=seconds)), stage.clock
    await _released(house, clock)
    async with house.database.begin() as connection:
        await connection.execute(text("DELETE FROM procrastinate_jobs"))
    clock.advance_to(clock.now() + timedelta(seconds=seconds / 4 - 1))
    assert await sweep(house, clock.now()) == Swept()
    clock.advance_to(clock.now() + timedelta(seconds=2))
    assert await sweep(house, clock.now()) == Swept(nudged=1)


async def test_what_had_no_turn_in_its_time_gets_none_later_however_free_the_account_is(stage: Stage) -> None:
    house, now = stage.house, stage.clock.now
    items = await claim(house, house.channels["push"], await _released(house, stage.clock), 50)
    assert items
    assert await turn(house, "push", items, urgent=False, until=now() - timedelta(seconds=1)) == now()
    assert isinstance(await turn(house, "push", items, urgent=False, until=now()), Turn)


@dataclass
class Slow:
    """A provider's adapter behind which so much time passes that others think this worker dead."""

    adapter: Adapter
    house: House
    clock: VirtualClock
    lapsed: int = 0

    async def send(self, envelope: Envelope) -> Outcome:
        outcome = await self.adapter.send(envelope)
        self.clock.advance_to(self.clock.now() + timedelta(seconds=self.house.settings.lease + 1))
        self.lapsed += (await sweep(self.house, self.clock.now())).lapsed
        return outcome

    async def start(self) -> None:
        """It is open."""

    async def close(self) -> None:
        await self.adapter.close()


@pytest.mark.parametrize(
    ("fault", "becomes"),
    [
        ([], ("sent", None)),
        ([Rule(channel="email", kind="drop_after")], ("unknown", "lease_lapsed")),
    ],
)
async def test_what_was_taken_is_no_longer_in_doubt_once_a_worker_that_was_thought_dead_says_so(
    stage: Stage, fault: list[Rule], becomes: tuple[str, str | None]
) -> None:
    house, clock = stage.house, stage.clock
    chunk = await _released(house, clock, "email")
    stage.provider.faults.replace(fault)
    slow = Slow(house.accounts["email"].adapter, house, clock)
    house.accounts["email"] = replace(house.accounts["email"], adapter=slow)
    await dispatch(house, chunk, "email")
    assert slow.lapsed == 1
    [row] = await rows(house.database, "SELECT status, reason, doubted_at IS NULL AS sure, attempts FROM messages")
    assert (row.status, row.reason) == becomes
    assert (row.sure, row.attempts) == (becomes[0] == "sent", 1)


async def test_a_lease_that_a_send_may_outlive_is_refused(house: House) -> None:
    house = replace(house, channels={"popup": CHANNELS["popup"]}, settings=Settings(lease=50))
    with pytest.raises(ConfigError, match="KABAR_LEASE: 50 s is less than twice the DEADLINE of account popup, 30 s"):
        await open_accounts(house)
