"""What a digest carried is never lost, whatever becomes of the message that carries, and never goes twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text

from channels.sandbox.faults import Rule
from jobs.audit import examine
from store import outbox, rekey, replay, suppressions
from store.suppressions import Source
from tests.core.conftest import Stage
from tests.core.digests import FIRST, MANY, SECOND, THIRD, fates, open_evening, pause, promo, pushes, three, world
from tests.world import configure, person, rows


async def test_a_campaign_paused_after_the_merge_is_left_out(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await open_evening(stage)
    await pause(stage, SECOND)
    await stage.now()
    assert pushes(stage) == [("2 kabar", f"Promo {FIRST} · Promo {THIRD}")]
    status, reason = (await fates(stage))[SECOND]
    assert (status, (reason or "").partition(":")[0]) == ("queued", "not_carried")


async def test_a_pause_of_the_carrier_does_not_hold_what_it_carries(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await open_evening(stage)
    await pause(stage, FIRST)
    await stage.now()
    assert pushes(stage) == [("2 kabar", f"Promo {SECOND} · Promo {THIRD}")]
    assert (await fates(stage))[FIRST] == ("queued", None)


async def test_a_text_that_cannot_be_filled_in_stays_behind_and_spoils_nothing(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(promo(FIRST), promo(SECOND, template="broken"), promo(THIRD)))
    await stage.until("2026-11-20 19:05")
    assert pushes(stage) == [("2 kabar", f"Promo {FIRST} · Promo {THIRD}")]
    await stage.until("2026-11-23 12:00")
    assert (await fates(stage))[SECOND] == ("failed", "render_error")


async def test_when_the_digest_cannot_be_filled_in_the_carrier_goes_with_its_own_words(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three(), many=MANY.replace("digest.titles", "name | rupiah")))
    await stage.until("2026-11-24 12:00")
    assert [title for title, _ in pushes(stage)] == [f"Promo {name}" for name in (FIRST, SECOND, THIRD)]
    assert set((await fates(stage)).values()) == {("sent", None)}


async def test_a_carrier_that_the_provider_refuses_gives_back_what_it_carried(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026", times=1))
    await configure(stage.house, world(*three(channels="[whatsapp]")))
    await stage.until("2026-11-20 19:30")
    assert await fates(stage) == {FIRST: ("failed", "131026"), SECOND: ("sent", None), THIRD: ("merged", f"digest:{SECOND}")}


async def test_a_replayed_carrier_goes_alone_when_the_others_went_without_it(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026", times=1))
    await configure(stage.house, world(*three(channels="[whatsapp]")))
    await stage.until("2026-11-20 19:30")
    async with stage.house.database.begin() as connection:
        await replay.replay_failed(connection, replay.Chosen(), sorts={"whatsapp": "phone"}, by="sari", now=stage.clock.now())
    await stage.until("2026-11-20 21:25")
    assert await fates(stage) == {FIRST: ("sent", None), SECOND: ("sent", None), THIRD: ("merged", f"digest:{SECOND}")}
    assert len(stage.delivered("whatsapp")) == 2


async def test_who_opts_out_after_the_release_gets_nothing_of_it(stage: Stage) -> None:
    person_id = await person(stage.house.database, 1)
    await open_evening(stage)
    async with stage.house.database.begin() as connection:
        await suppressions.speak(connection, "opt_out", [(person_id, "push", "test")], stage.clock.now(), Source.OPERATOR)
    await stage.now()
    assert pushes(stage) == []
    assert {status for status, _ in (await fates(stage)).values()} == {"suppressed"}


async def test_a_carrier_that_may_have_gone_out_keeps_what_it_carried(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="drop_after", times=1))
    await configure(stage.house, world(*three(channels="[whatsapp]")))
    await stage.until("2026-11-24 12:00")
    assert [status for status, _ in (await fates(stage)).values()] == ["unknown", "merged", "merged"]
    assert len(stage.delivered("whatsapp")) == 1
    assert await rows(stage.house.database, "SELECT id FROM runs WHERE status <> 'finished'") == []


async def test_a_retried_carrier_keeps_its_load_and_takes_nothing_on(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=600))
    late = promo("d-late", when='{at: "2026-11-20 19:05"}')
    await configure(stage.house, world(*three(), late))
    await stage.until("2026-11-20 19:30")
    assert pushes(stage) == [("3 kabar", f"Promo {FIRST} · Promo {SECOND} · Promo {THIRD}")]
    assert (await fates(stage))["d-late"][0] == "deferred"


async def test_a_campaign_that_is_taken_out_is_withdrawn_from_a_carrier_that_waits(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=1, retry_after=600))
    await configure(stage.house, world(*three()))
    await stage.until("2026-11-20 19:05")
    await configure(stage.house, world(promo(FIRST), promo(THIRD)))
    await stage.until("2026-11-20 19:30")
    assert pushes(stage) == [("2 kabar", f"Promo {FIRST} · Promo {THIRD}")]
    assert (await fates(stage))[SECOND] == ("cancelled", "campaign_removed")


async def test_a_worker_that_dies_while_sending_a_digest_sends_the_same_again(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await open_evening(stage)
    [carrier] = await rows(stage.house.database, "SELECT chunk_id FROM messages WHERE status = 'released'")
    now = stage.clock.now()
    async with stage.house.database.begin() as connection:
        await outbox.claim(
            connection, chunk=carrier.chunk_id, limit=10, sort="push", offers=[], now=now, lease_until=now + timedelta(minutes=2)
        )
    await stage.until("2026-11-20 19:10")
    assert pushes(stage) == [("3 kabar", f"Promo {FIRST} · Promo {SECOND} · Promo {THIRD}")]
    assert [status for status, _ in (await fates(stage)).values()] == ["sent", "merged", "merged"]


async def test_what_has_expired_by_the_claim_is_not_shown(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await open_evening(stage, promo(FIRST), promo(SECOND))
    async with stage.house.database.begin() as connection:
        await connection.execute(text("UPDATE messages SET expires_at = :now WHERE status = 'merged'"), {"now": stage.clock.now()})
    await stage.now()
    assert [title for title, _ in pushes(stage)] == [f"Promo {FIRST}"]
    status, reason = (await fates(stage))[SECOND]
    assert (status, (reason or "").rpartition(":")[0]) == ("expired", "expired_after:not_carried")


@pytest.mark.parametrize("channel", ["push", "email"])
async def test_a_played_weekend_with_every_kind_of_trouble_loses_nothing(stage: Stage, channel: str) -> None:
    people = range(1, 11)
    for number in people:
        await person(stage.house.database, number, contact_hours="daily 12:00-20:00" if number % 4 == 0 else None)
    busy, refused = {"push": ("UNAVAILABLE", "INTERNAL"), "email": ("451", "554"), "whatsapp": ("131016", "131026")}[channel]
    stage.provider.faults.add(Rule(channel=channel, kind=refused, share=0.3, times=1))
    stage.provider.faults.add(Rule(channel=channel, kind=busy, share=0.5, times=2))
    stage.provider.faults.add(Rule(channel=channel, kind="drop_after", share=0.2, times=1))
    friday = ("2026-11-20 18:45", "2026-11-20 18:45", "2026-11-20 20:00", "2026-11-20 20:30")
    times = (*friday, "2026-11-21 09:00", "2026-11-21 09:00", "2026-11-21 09:30", "2026-11-22 11:00")
    promos = [promo(f"p{n}", channels=f"[{channel}]", when=f'{{at: "{when}"}}', expires="40h") for n, when in enumerate(times)]
    await configure(stage.house, world(*promos, promo("broken", channels=f"[{channel}]", template="broken")))
    await stage.until("2026-11-21 10:30")
    await pause(stage, "p1")
    await stage.until("2026-11-23 00:00")
    found = await rows(
        stage.house.database,
        "SELECT m.status, c.status AS carrier, m.settled_at FROM messages m LEFT JOIN messages c ON c.id = m.carrier_id",
    )
    states = Counter(row.status for row in found)
    assert states.total() == len(people) * (len(times) + 1)
    assert states["merged"] > len(people)
    assert states.keys() <= {"sent", "merged", "unknown", "failed", "expired", "suppressed", "queued", "deferred"}
    assert {row.carrier for row in found if row.status == "merged" and row.settled_at} <= {"sent", "unknown"}
    assert {row.carrier for row in found if row.status == "merged" and not row.settled_at} <= {"queued", "deferred"}
    assert (await examine(stage.house)).clean
    await stage.until("2026-11-27 12:00")
    assert await rows(stage.house.database, "SELECT id FROM messages WHERE status IN ('queued', 'deferred', 'released', 'sending')") == []
    assert await rows(stage.house.database, "SELECT id FROM runs WHERE status <> 'finished'") == []


async def test_what_comes_back_after_a_while_gets_the_window_of_today(stage: Stage) -> None:
    person_id = await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131016", times=1, retry_after=3600))
    await configure(stage.house, world(*three(channels="[whatsapp]", window=None)))
    await stage.until("2026-11-20 19:10")
    async with stage.house.database.begin() as connection:
        await connection.execute(text("UPDATE people SET timezone = 'Asia/Jayapura' WHERE id = :id"), {"id": person_id})
        await rekey.ask(connection, stage.clock.now())
    await stage.until("2026-11-20 19:20")
    async with stage.house.database.begin() as connection:
        await connection.execute(text("UPDATE messages SET status = 'failed', settled_at = now() WHERE status = 'deferred'"))
    await stage.until("2026-11-20 19:40")
    keys = await rows(stage.house.database, "SELECT DISTINCT window_key FROM messages WHERE status <> 'failed'")
    assert [row.window_key for row in keys] == ["seg:regular@Asia/Jayapura"]
