"""Several waiting messages of a category become one, and none of them is lost, whatever becomes of the one that carries."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import text

from channels.sandbox.faults import Rule
from config.loader import parse
from jobs import dispatch
from jobs.audit import examine
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from jobs.valve import valve
from scheduler.bootstrap import contents
from scheduler.rehearsal import rehearse
from scheduler.ticks import fire_and_plan
from store import outbox, receipts, rehearsed, rekey, replay, versions
from tests.core.conftest import Stage
from tests.world import RULES, at, campaign, configure, files, person, rows

DIGEST_RULES = RULES.replace("offer: true}", "offer: true, digest: {within: 12h, template: many}}")
WORDS = """
template: hello
variants:
  - push: {title: "Promo {{ campaign }}", body: "Isi <{{ campaign }}>"}
    popup: {title: "Promo {{ campaign }}", body: "Isi <{{ campaign }}>"}
    email: {subject: "Promo {{ campaign }}", body: "Isi <{{ campaign }}>"}
    whatsapp: {name: one, parameters: ["{{ campaign }}"], text: "Promo {{ campaign }}"}
"""
MANY = """
template: many
variants:
  - push: {title: "{{ digest.count }} kabar", body: "{{ digest.titles }}"}
    popup: {title: "{{ digest.count }} kabar", body: "{{ digest.lines }}"}
    email: {subject: "{{ digest.count }} kabar untuk {{ first_name }}", body: "Halo,\\n\\n{{ digest.lines }}"}
    whatsapp: {name: many, parameters: ["{{ digest.titles }}"], text: "{{ digest.titles }}"}
"""
BROKEN = WORDS.replace("template: hello", "template: broken").replace("Isi <{{ campaign }}>", "{{ name | rupiah }}")
FIRST, SECOND, THIRD = "a-first", "b-second", "c-third"


def promo(name: str, **changes: object) -> str:
    return campaign(name, **{"category": "promo", "expires": "5d", **changes})


def world(*campaigns: str, many: str = MANY, rules: str = DIGEST_RULES) -> dict[str, str]:
    return files(*campaigns, rules=rules, template=WORDS) | {"templates/many.yaml": many, "templates/broken.yaml": BROKEN}


def three(**changes: object) -> tuple[str, str, str]:
    return promo(FIRST, **changes), promo(SECOND, **changes), promo(THIRD, **changes)


async def fates(stage: Stage) -> dict[str, tuple[str, str | None]]:
    """Campaign → status and reason, the carrier's id named by its campaign."""
    found = await rows(
        stage.house.database,
        """SELECT r.campaign, m.status, coalesce('digest:' || k.campaign, m.reason) AS reason FROM messages m JOIN runs r ON r.id = m.run_id
           LEFT JOIN messages c ON c.id = m.carrier_id LEFT JOIN runs k ON k.id = c.run_id ORDER BY m.id""",
    )
    return {row.campaign: (row.status, row.reason) for row in found}


def pushes(stage: Stage) -> list[tuple[str, str]]:
    """(title, body) of every push accepted, oldest first."""
    sent = [json.loads(delivery.raw)["message"]["notification"] for delivery in reversed(stage.provider.journal.find(channel="push"))]
    return [(each["title"], each["body"]) for each in sent]


def _part(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


async def open_evening(stage: Stage, *campaigns: str, many: str = MANY, **changes: object) -> None:
    """At 19:00 the campaigns are planned, and the valve has decided: the first is released and carries what it may."""
    await configure(stage.house, world(*(campaigns or three(**changes)), many=many))
    await fire_and_plan(stage.house, stage.clock.now())
    stage.clock.advance_to(at("2026-11-20 19:00"))
    await fire_and_plan(stage.house, stage.clock.now())
    await valve(stage.house, stage.clock.now())


async def pause(stage: Stage, name: str) -> None:
    async with stage.house.database.begin() as connection:
        await versions.pause(connection, campaign=name, channel=None, reason="typo", by="ops", now=stage.clock.now())


async def test_three_promos_of_an_evening_become_one_push_that_names_all(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three()))
    await stage.until("2026-11-20 19:05")
    assert pushes(stage) == [("3 kabar", f"Promo {FIRST} · Promo {SECOND} · Promo {THIRD}")]
    assert await fates(stage) == {
        FIRST: ("sent", None),
        SECOND: ("merged", f"digest:{FIRST}"),
        THIRD: ("merged", f"digest:{FIRST}"),
    }
    await stage.until("2026-11-25 12:00")
    assert len(pushes(stage)) == 1


async def test_a_digest_by_mail_shows_lines_in_both_its_parts(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three(channels="[email]")))
    await stage.until("2026-11-20 19:05")
    [delivery] = stage.provider.journal.find(channel="email")
    mail = message_from_bytes(delivery.raw, policy=policy.default)
    plain, html = (_part(mail.get_body((kind,))) for kind in ("plain", "html"))
    assert mail["subject"] == "3 kabar untuk Budi"
    assert f"- Promo {FIRST}: Isi <{FIRST}>\n- Promo {SECOND}: Isi <{SECOND}>\n" in plain
    assert f"• <strong>Promo {THIRD}</strong>: Isi &lt;{THIRD}&gt;" in html


async def test_a_digest_by_popup_and_by_whatsapp_says_the_same(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three(channels="[popup, whatsapp]")))
    await stage.until("2026-11-20 19:05")
    [shown] = await rows(stage.house.database, "SELECT content FROM popups")
    assert shown.content["body"] == "\n".join(f"• Promo {name}: Isi <{name}>" for name in (FIRST, SECOND, THIRD))
    [delivery] = stage.provider.journal.find(channel="whatsapp")
    assert (
        f"Promo {FIRST} · Promo {SECOND} · Promo {THIRD}" in json.loads(delivery.raw)["template"]["components"][0]["parameters"][0]["text"]
    )


async def test_what_comes_later_than_the_span_goes_by_itself(stage: Stage) -> None:
    await person(stage.house.database, 1)
    morning = promo(FIRST, when='{at: "2026-11-20 22:00"}', channels="[email]")
    evening = promo(SECOND, when='{at: "2026-11-21 10:30"}', channels="[email]")
    await configure(stage.house, world(morning, evening))
    await stage.until("2026-11-22 12:00")
    assert await fates(stage) == {FIRST: ("sent", None), SECOND: ("sent", None)}


async def test_a_channel_the_digest_has_no_words_for_is_left_as_it_is(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three(channels="[push, popup]"), many=MANY.replace("    popup:", "    # popup:")))
    await stage.until("2026-11-20 19:05")
    found = await rows(stage.house.database, "SELECT channel, status, count(*) AS n FROM messages GROUP BY 1, 2")
    assert {(row.channel, row.status): row.n for row in found if row.channel == "push"} == {("push", "sent"): 1, ("push", "merged"): 2}
    assert not [row for row in found if row.channel == "popup" and row.status == "merged"]


async def test_rules_that_are_newer_than_a_run_do_not_give_it_a_digest(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(*three(), rules=RULES, template=WORDS))
    await stage.until("2026-11-20 18:50")
    await configure(stage.house, world(*three()))
    await stage.until("2026-11-20 19:05")
    assert [status for status, _ in (await fates(stage)).values()] == ["sent", "deferred", "deferred"]


async def test_a_paused_campaign_does_not_join(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await pause(stage, SECOND)
    await configure(stage.house, world(*three()))
    await stage.until("2026-11-20 19:05")
    assert pushes(stage) == [("2 kabar", f"Promo {FIRST} · Promo {THIRD}")]
    assert (await fates(stage))[SECOND] == ("queued", None)


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
        await replay.replay_failed(connection, campaign=None, sorts={"whatsapp": "phone"}, by="sari", now=stage.clock.now())
    await stage.until("2026-11-20 21:25")
    assert await fates(stage) == {FIRST: ("sent", None), SECOND: ("sent", None), THIRD: ("merged", f"digest:{SECOND}")}
    assert len(stage.delivered("whatsapp")) == 2


async def test_who_opts_out_after_the_release_gets_nothing_of_it(stage: Stage) -> None:
    person_id = await person(stage.house.database, 1)
    await open_evening(stage)
    async with stage.house.database.begin() as connection:
        await outbox.opt_out(connection, [(person_id, "push", "test")], stage.clock.now())
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


async def test_receipts_of_the_carrier_leave_the_merged_as_they_are_until_one_says_that_it_failed(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, world(*three(channels="[whatsapp]", expires="12h")))
    await stage.until("2026-11-20 19:05")
    assert await rows(stage.house.database, "SELECT id FROM runs WHERE status <> 'finished'") == []
    [carrier] = await rows(stage.house.database, "SELECT id FROM messages WHERE status = 'sent'")
    async with stage.house.database.begin() as connection:
        await receipts.move(connection, [receipts.Fact("e1", "failed", stage.clock.now(), carrier.id, detail="131026")], stage.clock.now())
    assert [status for status, _ in (await fates(stage)).values()] == ["failed", "queued", "queued"]
    assert len(await rows(stage.house.database, "SELECT id FROM runs WHERE status = 'active'")) == 2
    await stage.now()
    assert await fates(stage) == {FIRST: ("failed", "131026"), SECOND: ("sent", None), THIRD: ("merged", f"digest:{SECOND}")}
    [second] = await rows(stage.house.database, "SELECT id FROM messages WHERE status = 'sent'")
    async with stage.house.database.begin() as connection:
        await receipts.move(connection, [receipts.Fact("e2", "read", stage.clock.now(), second.id)], stage.clock.now())
        await receipts.move(connection, [receipts.Fact("e3", "failed", stage.clock.now(), second.id)], stage.clock.now())
    assert await fates(stage) == {FIRST: ("failed", "131026"), SECOND: ("read", None), THIRD: ("merged", f"digest:{SECOND}")}


async def test_a_run_is_open_as_long_as_the_carrier_is_on_its_way(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await open_evening(stage)
    assert await reconcile(stage.house, stage.clock.now()) == 0
    [carrier] = await rows(stage.house.database, "SELECT chunk_id FROM messages WHERE status = 'released'")
    await dispatch.dispatch(stage.house, carrier.chunk_id, "push")
    assert await reconcile(stage.house, stage.clock.now()) == 1  # the carrier's own; the sweep has not looked yet
    await sweep(stage.house, stage.clock.now())
    assert await reconcile(stage.house, stage.clock.now()) == 2


async def test_a_merged_message_is_no_contact(stage: Stage) -> None:
    await person(stage.house.database, 1)
    capped = DIGEST_RULES.replace("{channel: push, max: 1, per: day}", "{category: promo, max: 2, per: 7d}")
    again = promo("d-again", when='{at: "2026-11-21 12:00"}')
    await configure(stage.house, world(*three(), again, rules=capped))
    await stage.until("2026-11-21 13:00")
    assert [title for title, _ in pushes(stage)] == ["3 kabar", "Promo d-again"]
    assert (await examine(stage.house)).clean


@pytest.mark.parametrize("channel", ["push", "email", "whatsapp"])
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


async def test_a_rehearsal_shows_what_would_be_merged(stage: Stage) -> None:
    await person(stage.house.database, 1)
    written = world(*three(channels="[push, email]"))
    await configure(stage.house, files(campaign("nothing", when='{at: "2027-01-01 10:00"}')))
    await fire_and_plan(stage.house, stage.clock.now())
    config = parse(written, contents())
    until = at("2026-11-21 12:00")
    async with (
        rehearse(stage.house, config, stage.clock.now(), until, lambda now: None) as played,
        played.database.begin() as connection,
    ):
        counted = await rehearsed.counts(connection, "Asia/Jakarta", stage.clock.now())
        decided = [row async for page in rehearsed.decisions(connection, stage.clock.now()) for row in page]
    assert sum(row.n for row in counted) == 6
    assert {(row.channel, row.status, row.reason) for row in counted} == {
        (channel, status, reason) for channel in ("push", "email") for status, reason in (("sent", ""), ("merged", "digest"))
    }
    assert Counter(row.decision for row in decided) == {"released": 2, "merged": 4}
