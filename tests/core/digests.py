"""An evening of promos that are one digest, for tests."""

from __future__ import annotations

import json

from jobs.valve import valve
from scheduler.ticks import fire_and_plan
from store import versions
from tests.core.conftest import Stage
from tests.world import RULES, at, campaign, configure, files, rows

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
