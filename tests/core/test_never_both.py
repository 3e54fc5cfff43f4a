"""Sixty people, providers that refuse, doubt and change their minds, receipts tripled and shuffled: nobody gets by both what is for one."""

from __future__ import annotations

from collections import Counter
from random import Random

from channels.sandbox.faults import Rule
from jobs.audit import examine
from tests.core.conftest import Stage
from tests.core.webhooks import receive, status
from tests.world import ALL_CHANNELS, campaign, configure, files, person, rows

FAULTS = (
    Rule(channel="whatsapp", kind="131026", share=0.2),
    Rule(channel="whatsapp", kind="131050", share=0.1),
    Rule(channel="whatsapp", kind="drop_after", share=0.1),
    Rule(channel="whatsapp", kind="131000", share=0.2, times=2),
    Rule(channel="email", kind="550 5.1.1 No such user", share=0.1),
)
CHOICE = "{first: [whatsapp, email]}"
TWO_WAYS = "{first: [whatsapp], then: {channel: email, after: 2h, unless: read}}"
WORDS = ("sent", "delivered", "read", "failed")


async def _told(stage: Stage, chance: Random) -> None:
    """Of every message that WhatsApp took, what became of it, three times and in any order."""
    found = await rows(
        stage.house.database,
        """SELECT DISTINCT a.message_id AS id FROM attempts a JOIN addresses d ON d.id = a.address_id
           WHERE d.sort = 'phone' AND a.outcome IN ('sent', 'unknown') ORDER BY 1""",
    )
    bodies = [status(stage, row.id, word, *([131026] if word == "failed" else [])) for row in found for word in [chance.choice(WORDS)] * 3]
    chance.shuffle(bodies)
    await receive(stage, *bodies)


async def test_nobody_gets_by_both_channels_what_was_for_one(stage: Stage) -> None:
    chance = Random(2026)
    for number in range(1, 61):
        sorts = ("phone", "email") if number % 10 else ("email",)
        consents = {name: {"marketing": name != "email" or number % 7 > 0, "hours": "always"} for name in ALL_CHANNELS}
        await person(stage.house.database, number, sorts=sorts, consents=consents)
    usual = {"window": "any-time", "category": "promo"}
    later = campaign("later", channels=TWO_WAYS, when='{at: "2026-11-20 21:30"}', **usual)
    await configure(stage.house, files(campaign("choice", channels=CHOICE, **usual), later))
    for fault in FAULTS:
        stage.provider.faults.add(fault)
    for moment in ("2026-11-20 18:50", "2026-11-20 21:40", "2026-11-20 22:30", "2026-11-21 06:00"):
        await stage.until(moment)
        await _told(stage, chance)
    await stage.until("2026-11-21 12:00")

    heard = Counter((row.campaign, row.person_id, row.sort) for row in await rows(
        stage.house.database,
        """SELECT r.campaign, m.person_id, d.sort FROM attempts a JOIN addresses d ON d.id = a.address_id
           JOIN messages m ON m.id = a.message_id JOIN runs r ON r.id = m.run_id
           WHERE a.outcome IN ('sent', 'unknown')
             AND NOT EXISTS (SELECT FROM interactions i WHERE i.message_id = m.id AND i.kind = 'failed' AND d.sort = 'phone')""",
    ))  # fmt: skip
    assert set(heard.values()) == {1}
    both = {
        person_id for name, person_id, sort in heard if name == "choice" and sort == "phone" and ("choice", person_id, "email") in heard
    }
    assert both == set()
    read = {row.person_id for row in await rows(stage.house.database, "SELECT person_id FROM messages WHERE read_at IS NOT NULL")}
    ways = Counter(sort for name, _, sort in heard if name == "choice")
    assert ways["phone"] > 10
    assert ways["email"] > 10
    followed = await rows(stage.house.database, "SELECT person_id, status FROM messages WHERE follows_id IS NOT NULL")
    assert 5 < len(followed) < 60 - len(read)
    left = await rows(stage.house.database, "SELECT status FROM messages WHERE status IN ('queued', 'released', 'sending')")
    assert left == []
    result = await examine(stage.house)
    assert (result.counts, result.people > 50) == ({}, True)
