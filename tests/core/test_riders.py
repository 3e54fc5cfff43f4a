"""What a digest carries obeys every rule of its own also when the carrier is released a second time."""

from __future__ import annotations

import pytest

from channels.sandbox.faults import Rule
from jobs.audit import examine
from tests.core.conftest import Stage
from tests.core.digests import DIGEST_RULES, FIRST, SECOND, THIRD, fates, promo, pushes, three, world
from tests.world import campaign, configure, person

LATE = DIGEST_RULES.replace("  after-office:", '  late: {weekdays: "18:00-23:00", weekends: "10:00-21:30"}\n  after-office:')
CLOSE = DIGEST_RULES.replace("gap: 2h", "gap: 10m")


@pytest.fixture
def stage_with_a_retry(stage: Stage) -> Stage:
    """The first push is to be tried again half an hour later."""
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=1800))
    return stage


async def test_it_stays_behind_when_its_own_window_has_closed(stage_with_a_retry: Stage) -> None:
    stage, when = stage_with_a_retry, '{at: "2026-11-20 21:10"}'
    await person(stage.house.database, 1)
    await configure(stage.house, world(promo(FIRST, window="late", when=when), promo(SECOND, when=when), rules=LATE))
    await stage.until("2026-11-20 22:30")
    assert pushes(stage) == [(f"Promo {FIRST}", f"Isi <{FIRST}>")]
    await stage.until("2026-11-21 12:00")
    assert await fates(stage) == {FIRST: ("sent", None), SECOND: ("sent", None)}
    assert (await examine(stage.house)).clean


async def test_it_stays_behind_when_its_topic_was_told_meanwhile(stage_with_a_retry: Stage) -> None:
    stage = stage_with_a_retry
    await person(stage.house.database, 1)
    other = campaign("other", category="service", channels="[email]", topic="gold", when='{at: "2026-11-20 19:10"}')
    await configure(stage.house, world(promo(FIRST), promo(SECOND, topic="gold"), promo(THIRD), other, rules=CLOSE))
    await stage.until("2026-11-20 21:00")
    assert pushes(stage) == [("2 kabar", f"Promo {FIRST} · Promo {THIRD}")]
    assert (await fates(stage))[SECOND][0] == "deferred"
    assert (await examine(stage.house)).clean


async def test_it_stays_behind_when_digests_of_its_category_are_given_up(stage_with_a_retry: Stage) -> None:
    stage = stage_with_a_retry
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three()))
    await stage.until("2026-11-20 19:05")
    others = DIGEST_RULES.replace(", digest: {within: 12h, template: many}", "").replace(
        "info: {priority: 30}", "info: {priority: 30, digest: {within: 12h, template: many}}"
    )
    await configure(stage.house, world(*three(), rules=others))
    await stage.until("2026-11-20 19:35")
    assert pushes(stage) == [(f"Promo {FIRST}", f"Isi <{FIRST}>")]


async def test_its_patience_is_not_asked_again_since_it_had_its_turn(stage_with_a_retry: Stage) -> None:
    stage = stage_with_a_retry
    await person(stage.house.database, 1)
    await configure(stage.house, world(promo(FIRST), promo(SECOND, queue_for="30m")))
    await stage.until("2026-11-20 20:30")
    assert pushes(stage) == [("2 kabar", f"Promo {FIRST} · Promo {SECOND}")]
    assert (await examine(stage.house)).clean


@pytest.mark.parametrize("topic", [None, "gold"])
async def test_it_goes_along_again_when_the_first_time_is_in_doubt(stage: Stage, topic: str | None) -> None:
    """That the customer may have read of its topic was by this very message."""
    stage.provider.faults.add(Rule(channel="push", kind="drop_after", times=1))
    await person(stage.house.database, 1)
    await configure(stage.house, world(promo(FIRST, topic=topic), promo(SECOND, topic="gold"), promo(THIRD, topic="fees"), rules=CLOSE))
    await stage.until("2026-11-20 21:00")
    assert pushes(stage) == [("3 kabar", f"Promo {FIRST} · Promo {SECOND} · Promo {THIRD}")] * 2
    assert (await examine(stage.house)).clean
