"""Several waiting messages of a category become one contact, whose text names them all."""

from __future__ import annotations

import json
from collections import Counter
from email import message_from_bytes, policy
from typing import Any

from config.loader import parse
from jobs import dispatch
from jobs.audit import examine
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from scheduler.bootstrap import contents
from scheduler.rehearsal import rehearse
from scheduler.ticks import fire_and_plan
from store import receipts, rehearsed
from tests.core.conftest import Stage
from tests.core.digests import DIGEST_RULES, FIRST, MANY, SECOND, THIRD, WORDS, fates, open_evening, pause, promo, pushes, three, world
from tests.world import RULES, at, campaign, configure, files, person, rows


def _part(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


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


async def test_a_topic_told_inside_a_digest_is_not_told_again_soon(stage: Stage) -> None:
    await person(stage.house.database, 1)
    told = promo(SECOND, topic="fees")
    again = campaign("again", channels="[email]", topic="fees", when='{at: "2026-11-21 12:00"}')
    await configure(stage.house, world(promo(FIRST), told, again))
    await stage.until("2026-11-21 12:05")
    found = await rows(stage.house.database, "SELECT m.id, r.campaign, m.reason FROM messages m JOIN runs r ON r.id = m.run_id")
    ids, reasons = {row.campaign: row.id for row in found}, {row.campaign: row.reason for row in found}
    assert (reasons[SECOND], reasons["again"]) == (f"digest:{ids[FIRST]}", f"same_topic:{ids[SECOND]}")
