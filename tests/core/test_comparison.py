"""Two rehearsals side by side say what a change of configuration changes, for whom and by which rule."""

from __future__ import annotations

from datetime import datetime

import psycopg
import pytest

from config.loader import parse
from scheduler.bootstrap import contents
from scheduler.changes import Change, Kind
from scheduler.comparison import rehearse_both
from scheduler.pairing import numbered
from scheduler.rehearsal import Show
from scheduler.tally import Tally
from store import messages
from store.compared import RunRow
from tests.core.conftest import Stage
from tests.world import RULES, at, campaign, configure, files, person, rows, statuses

FRIDAY = campaign("friday", when='{at: "2026-11-20 18:45"}')
OFFER = campaign("offer", category="promo", channels="[email]", when='{at: "2026-11-20 18:45"}', expires="1d")
BOTH = files(FRIDAY, OFFER)


def _unseen(now: datetime) -> None:
    return


async def compared(
    stage: Stage, before: dict[str, str], after: dict[str, str], until: str = "2026-11-21 12:00", show: Show = _unseen
) -> tuple[list[Change], Tally]:
    """Every change from Friday 18:30 on, and the sums. show: called while the first is played."""
    known, tally = contents(stage.house.channels), Tally()
    old, new = parse(before, known, root="old"), parse(after, known, root="new")
    async with rehearse_both(stage.house, old, new, at("2026-11-20 18:30"), at(until), (show, _unseen)) as both:
        return [change async for page in both.changes(tally) for change in page], tally


def told(changes: list[Change]) -> list[tuple[str, str, str, str]]:
    """(campaign, channel, what, rule)."""
    return [(change.message.campaign, change.message.channel, str(change.kind), change.rule) for change in changes]


async def test_the_same_configuration_changes_nothing(stage: Stage) -> None:
    for number in range(1, 30):
        await person(stage.house.database, number, sorts=("push", "email") if number % 3 else ("email",))
    changes, tally = await compared(stage, BOTH, BOTH)
    assert (changes, tally.changed, tally.same) == ([], 0, 58)
    assert tally.went == tally.goes
    assert await statuses(stage.house.database) == []
    assert await rows(stage.house.database, "SELECT FROM versions") == []


async def test_what_happens_meanwhile_is_no_change(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, BOTH)
    await stage.until("2026-11-20 18:50")

    def withdraw(now: datetime) -> None:
        with psycopg.connect(stage.house.database.conninfo) as connection:
            connection.execute("UPDATE messages SET status = 'cancelled', settled_at = now() WHERE status = 'queued'")

    changes, tally = await compared(stage, BOTH, BOTH, show=withdraw)
    assert (changes, tally.same) == ([], 2)
    assert [status for _, _, status, _ in await statuses(stage.house.database)] == ["cancelled", "cancelled"]


async def test_a_valve_at_work_does_not_disturb_it(stage: Stage) -> None:
    await person(stage.house.database, 1)
    async with stage.house.database.begin() as connection:
        assert await messages.valve_lock(connection)
        _, tally = await compared(stage, BOTH, BOTH)
    assert tally.goes == {("friday", "push"): 1, ("offer", "email"): 1}


async def test_a_window_that_opens_later_makes_messages_later_and_drops_what_cannot_wait(stage: Stage) -> None:
    await person(stage.house.database, 1)
    hasty = campaign("hasty", channels="[popup]", when='{at: "2026-11-20 19:00"}', expires="20m")
    before = files(FRIDAY, hasty, rules=RULES.replace("gap: 2h", "gap: 0s"))
    after = before | {"rules.yaml": before["rules.yaml"].replace('weekdays: "19:00', 'weekdays: "19:30')}
    changes, tally = await compared(stage, before, after)
    assert told(changes) == [
        ("friday", "push", "later", "outside_window:after-office"),
        ("hasty", "popup", "dropped", "outside_window:after-office"),
    ]
    assert tally.went == {("friday", "push"): 1, ("hasty", "popup"): 1}
    assert tally.goes == {("friday", "push"): 1}
    changes, _ = await compared(stage, after, before)
    assert told(changes) == [
        ("friday", "push", "earlier", "outside_window:after-office"),
        ("hasty", "popup", "gained", "outside_window:after-office"),
    ]
    assert all(change.by_before for change in changes)


async def test_a_longer_gap_names_the_campaign_that_went_before(stage: Stage) -> None:
    await person(stage.house.database, 1)
    changes, _ = await compared(stage, BOTH, files(FRIDAY, OFFER, rules=RULES.replace("gap: 2h", "gap: 6h")))
    assert told(changes) == [("offer", "email", "later", "gap:friday")]
    assert changes[0].before is not None
    assert changes[0].after is not None
    assert (changes[0].before.at, changes[0].after.at) == (at("2026-11-20 21:00"), at("2026-11-21 10:00"))


async def test_a_new_cap_drops_by_its_name(stage: Stage) -> None:
    await person(stage.house.database, 1)
    changes, _ = await compared(stage, BOTH, files(FRIDAY, OFFER, rules=RULES.replace("caps: [", "caps: [{max: 1, per: 7d}, ")))
    assert told(changes) == [("offer", "email", "dropped", "cap:all:1/168h")]


async def test_what_still_waits_at_the_end_is_said_to_wait(stage: Stage) -> None:
    await person(stage.house.database, 1)
    longer = files(FRIDAY, OFFER, rules=RULES.replace("gap: 2h", "gap: 6h"))
    changes, _ = await compared(stage, BOTH, longer, until="2026-11-20 22:00")
    assert told(changes) == [("offer", "email", "waits longer", "gap:friday")]
    changes, _ = await compared(stage, longer, BOTH, until="2026-11-20 22:00")
    assert told(changes) == [("offer", "email", "earlier", "gap:friday")]


async def test_a_campaign_that_is_taken_out_is_dropped_and_makes_room(stage: Stage) -> None:
    await person(stage.house.database, 1)
    changes, _ = await compared(stage, BOTH, files(OFFER))
    assert told(changes) == [("friday", "push", "dropped", "not_planned:campaign"), ("offer", "email", "earlier", "gap:friday")]
    changes, _ = await compared(stage, files(OFFER), BOTH)
    assert told(changes) == [("friday", "push", "gained", "not_planned:campaign"), ("offer", "email", "later", "gap:friday")]


async def test_a_campaign_taken_out_while_it_waits_is_dropped(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, BOTH)
    await stage.until("2026-11-20 18:50")
    changes, _ = await compared(stage, BOTH, files(OFFER))
    assert ("friday", "push", "dropped", "campaign_removed") in told(changes)


async def test_a_campaign_at_another_hour_is_the_same_messages_later(stage: Stage) -> None:
    await person(stage.house.database, 1)
    late = campaign("friday", when='{at: "2026-11-20 20:15"}')
    changes, _ = await compared(stage, files(FRIDAY), files(late))
    assert told(changes) == [("friday", "push", "later", "planned_later")]


async def test_another_audience_drops_and_gains(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await person(stage.house.database, 2, portfolio_value=900_000_000)
    rich = campaign("friday", audience="{any: [hnwi]}", window="after-office")
    changes, _ = await compared(stage, files(FRIDAY), files(rich))
    assert [(change.message.customer_no, str(change.kind), change.rule) for change in changes] == [
        ("C000001", "dropped", "not_planned:audience"),
        ("C000002", "gained", "not_planned:audience"),
    ]


async def test_another_hour_and_audience_are_told_apart(stage: Stage) -> None:
    await person(stage.house.database, 1)
    rich = campaign("friday", audience="{any: [hnwi]}", window="after-office", when='{at: "2026-11-20 19:15"}')
    changes, _ = await compared(stage, files(FRIDAY), files(rich))
    assert told(changes) == [("friday", "push", "dropped", "not_planned:audience")]
    monday = campaign("friday", starts="2026-11-23")
    changes, _ = await compared(stage, files(FRIDAY), files(monday))
    assert told(changes) == [("friday", "push", "dropped", "not_planned:run")]


async def test_another_channel_is_the_same_message(stage: Stage) -> None:
    await person(stage.house.database, 1)
    changes, tally = await compared(stage, files(FRIDAY), files(campaign("friday", channels="[email]")))
    assert told(changes) == [("friday", "email", "other channel", "channels")]
    assert [route for _, _, route in tally.groups["friday", "push"]] == ["push → email"]


async def test_a_fallback_is_told_apart_from_a_change_of_channels(stage: Stage) -> None:
    await person(stage.house.database, 1)
    text = campaign("friday", channels="{first: [whatsapp, email]}", expires="1d")
    none = RULES.replace("caps: [", "caps: [{channel: whatsapp, max: 0, per: day}, ")
    changes, _ = await compared(stage, files(text), files(text, rules=none))
    assert told(changes) == [("friday", "email", "other channel", "first_channel")]
    neither = none.replace("caps: [", "caps: [{channel: email, max: 0, per: day}, ")
    await person(stage.house.database, 2, sorts=("email",))
    changes, _ = await compared(stage, files(text), files(text, rules=neither))
    assert [(change.message.customer_no, str(change.kind), change.rule) for change in changes] == [
        ("C000001", "dropped", "cap:whatsapp:0/day"),
        ("C000002", "dropped", "no_channel:email"),
    ]


async def test_another_priority_turns_the_order_round(stage: Stage) -> None:
    await person(stage.house.database, 1)
    first = RULES.replace("promo: {priority: 10", "promo: {priority: 90")
    changes, _ = await compared(stage, BOTH, files(FRIDAY, OFFER, rules=first))
    assert [(change.message.campaign, str(change.kind)) for change in changes] == [("friday", "later"), ("offer", "earlier")]
    assert changes[1].rule in ("gap:friday", "pending_higher_priority:friday")


def runs(*written: str) -> list[RunRow]:
    """`campaign occurrence` each; ids count from 1."""
    named = [text.split() for text in written]
    return [RunRow(number, campaign, occurrence) for number, (campaign, occurrence) in enumerate(named, 1)]


@pytest.mark.parametrize(
    "before, after, same",
    [
        (["a 2026-11-20T18:45"], ["a 2026-11-20T18:45"], {1: 1}),
        (["a 2026-11-20T18:45"], ["b 2026-11-20T18:45"], {}),
        (["a 2026-11-20T18:45", "a 2026-11-21T18:45"], ["a 2026-11-20T20:00", "a 2026-11-21T20:00"], {1: 1, 2: 2}),
        (["a 2026-11-20T18:45", "a 2026-11-21T18:45"], ["a 2026-11-21T20:00"], {2: 1}),
        (["a 2026-11-20T18:45"], ["a 2026-11-23T18:45"], {1: 1}),
        (["a 2026-11-20T08:00", "a 2026-11-20T09:00"], ["a 2026-11-20T10:00"], {}),
        (["a 2026-11-20T08:00", "a 2026-11-20T09:00"], ["a 2026-11-20T09:00", "a 2026-11-20T10:00"], {1: 2, 2: 1}),
    ],
)
def test_a_run_at_another_time_is_the_same_run_where_that_is_clear(before: list[str], after: list[str], same: dict[int, int]) -> None:
    was, now = numbered(runs(*before), runs(*after))
    back = {number: run for run, number in now.items()}
    assert {run: back[number] for run, number in was.items() if number in back} == same
    assert len({*was.values(), *now.values()}) == len(was) + len(now) - len(same)


async def test_kinds_are_counted_by_campaign_channel_and_rule_with_examples(stage: Stage) -> None:
    for number in range(1, 6):
        await person(stage.house.database, number)
    _, tally = await compared(stage, BOTH, files(OFFER))
    [group] = tally.groups["friday", "push"].values()
    assert (group.count, [change.message.customer_no for change in group.examples]) == (5, ["C000001", "C000002", "C000003"])
    [((kind, rule, route), later)] = tally.groups["offer", "email"].items()
    assert (kind, rule, route, later.count) == (Kind.EARLIER, "gap:friday", "", 5)
    assert later.least is not None
    assert later.least.total_seconds() == -2 * 3600
