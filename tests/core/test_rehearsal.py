"""A rehearsal says what would happen, sends nothing and keeps nothing."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from config.loader import parse
from jobs.house import House
from scheduler.bootstrap import contents
from scheduler.rehearsal import rehearse
from store import rehearsed
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person, rows, statuses


async def _counts(house: House) -> Counter[tuple[str, str, str]]:
    async with house.database.begin() as connection:
        found = await rehearsed.counts(connection, "Asia/Jakarta", at("2026-11-20 18:30"))
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in found:
        counts[row.channel, row.status, row.reason] += row.n
    return counts


async def test_it_decides_as_the_real_thing_would_and_leaves_no_trace(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await person(stage.house.database, 2, sorts=("email",))
    config = parse(files(campaign("one"), campaign("two", category="promo", channels="[email]")), contents(stage.house.channels))
    seen: list[datetime] = []
    async with rehearse(stage.house, config, at("2026-11-20 18:30"), at("2026-11-21 12:00"), seen.append) as played:
        assert await _counts(played) == {("push", "sent", ""): 1, ("push", "suppressed", "no_address:push"): 1, ("email", "sent", ""): 2}
    assert seen[-1] == at("2026-11-21 12:00")
    assert await statuses(stage.house.database) == []
    assert await rows(stage.house.database, "SELECT FROM versions") == []
    assert stage.delivered() == []
    assert stage.delivered("email") == []


async def test_it_takes_along_what_was_sent_before(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("one", topic="same")))
    await stage.until("2026-11-20 19:05")
    config = parse(files(campaign("two", topic="same", when='{at: "2026-11-20 20:00"}', expires="3h")), contents(stage.house.channels))
    async with rehearse(stage.house, config, at("2026-11-20 19:30"), at("2026-11-20 22:00"), lambda now: None) as played:
        assert ("push", "suppressed", "same_topic") in await _counts(played)


async def test_what_expires_without_being_looked_at_is_a_decision_too(stage: Stage) -> None:
    await person(stage.house.database, 1)
    config = parse(files(campaign("brief", expires="10m")), contents(stage.house.channels))
    since, until = at("2026-11-20 18:30"), at("2026-11-20 20:00")
    async with rehearse(stage.house, config, since, until, lambda now: None) as played, played.database.begin() as connection:
        told = [(row.at, row.decision) async for page in rehearsed.decisions(connection, since) for row in page]
    assert told == [(at("2026-11-20 18:55"), "expired")]


async def test_nobody_reads_anything_in_a_rehearsal_so_every_message_that_may_be_followed_is(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await person(stage.house.database, 2, sorts=("email",))
    two_ways = "{first: [push], then: {channel: email, after: 2h, unless: read}}"
    config = parse(files(campaign(channels=two_ways)), contents(stage.house.channels))
    async with rehearse(stage.house, config, at("2026-11-20 18:30"), at("2026-11-20 22:00"), lambda now: None) as played:
        assert await _counts(played) == {("push", "sent", ""): 1, ("email", "sent", ""): 2}
