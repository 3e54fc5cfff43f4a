"""What Meta tells of templates, the account and people's numbers, once, tripled, shuffled and late."""

from __future__ import annotations

import json
from pathlib import Path

from structlog.testing import capture_logs

from jobs.receipts import apply_receipts
from store import receipts, versions
from tests.core.conftest import Stage
from tests.customers.files import load, write
from tests.world import addresses_of, campaign, configure, files, person, rows

OLD, NEW = addresses_of(1)[1][2], "+628999000111"
TEMPLATE = """
template: {name}
variants:
  - whatsapp: {{name: {registered}, parameters: ["{{{{ first_name }}}}"], text: "Halo {{{{ first_name }}}}"}}
    push: {{title: Halo, body: Ada kabar.}}
"""


async def heard(stage: Stage, *changes: tuple[str, dict[str, object]], at_time: int = 1_795_170_000) -> None:
    """One webhook, applied."""
    told = [{"field": field, "value": value} for field, value in changes]
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "time": at_time, "changes": told}]}).encode()
    async with stage.house.database.begin() as connection:
        await receipts.store(connection, "whatsapp", body, stage.clock.now())
    while await apply_receipts(stage.house, stage.clock.now()):
        pass


def template(event: str, name: str = "hello", language: str = "id") -> tuple[str, dict[str, object]]:
    named = {"message_template_id": 1, "message_template_name": name, "message_template_language": language}
    return "message_template_status_update", {"event": event, "reason": "NONE", **named}


async def stopped(stage: Stage) -> list[tuple[str | None, str | None, str]]:
    async with stage.house.database.begin() as connection:
        return [(pause.campaign, pause.channel, pause.reason) for pause in await versions.pauses(connection)]


async def speaking(stage: Stage) -> None:
    """Three campaigns: two say the template `hello`, one of them not by WhatsApp."""
    other = TEMPLATE.format(name="other", registered="other")
    said = [campaign("says", channels="[whatsapp]"), campaign("pushes"), campaign("quiet", channels="[whatsapp]", template="other")]
    await configure(stage.house, files(*said, template=TEMPLATE.format(name="hello", registered="hello")) | {"templates/other.yaml": other})


async def test_a_paused_template_stops_the_campaigns_that_say_it_on_whatsapp_and_nothing_else(stage: Stage) -> None:
    await speaking(stage)
    with capture_logs() as log:
        await heard(stage, template("PAUSED"), template("PAUSED", language="en"))
    assert await stopped(stage) == [("says", "whatsapp", "provider says of template hello/id: PAUSED")]
    told = [(line["event"], line["template"], line["campaigns"]) for line in log if line["log_level"] == "error"]
    assert told == [("template.stopped", "hello/id", ["says"]), ("template.stopped", "hello/en", [])]


async def test_an_approval_is_told_and_resumes_nothing_and_old_news_stops_nothing(stage: Stage) -> None:
    await speaking(stage)
    await heard(stage, template("REJECTED"), at_time=1_795_170_000)
    with capture_logs() as log:
        await heard(stage, template("APPROVED"), at_time=1_795_170_100)
    assert [line["campaigns"] for line in log if line["event"] == "template.allowed"] == [["says"]]
    assert len(await stopped(stage)) == 1
    async with stage.house.database.begin() as connection:
        await versions.resume(connection, campaign="says", channel="whatsapp", everything=False)
    for _ in range(3):
        await heard(stage, template("PAUSED"), at_time=1_795_170_050)
        await heard(stage, template("REJECTED"), at_time=1_795_170_000)
    assert await stopped(stage) == []


async def test_what_meta_says_of_the_account_is_an_alert(stage: Stage) -> None:
    await speaking(stage)
    quality: dict[str, object] = {"display_phone_number": "15550001111", "event": "FLAGGED", "current_limit": "TIER_2K"}
    banned: dict[str, object] = {
        "event": "DISABLED_UPDATE",
        "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE", "waba_ban_date": "Nov 30"},
    }
    with capture_logs() as log:
        await heard(stage, ("phone_number_quality_update", quality), ("account_update", banned))
    assert [(line["about"], line["word"], line["said"]) for line in log if line["event"] == "account.notice"] == [
        ("phone_number_quality_update", "FLAGGED", "event FLAGGED, current_limit TIER_2K"),
        ("account_update", "DISABLED_UPDATE", "event DISABLED_UPDATE, ban SCHEDULE_FOR_DISABLE"),
    ]
    assert "15550001111" not in json.dumps(log, default=str)


def changed(old: str, new: str) -> tuple[str, dict[str, object]]:
    system = {"body": "changed", "wa_id": new.removeprefix("+"), "type": "user_changed_number"}
    told = {"from": old.removeprefix("+"), "id": "wamid.S", "timestamp": "1795170000", "type": "system", "system": system}
    return "messages", {"messages": [told]}


async def addresses(stage: Stage) -> list[tuple[int, str, str, bool]]:
    """(person, kind, value, used) of what WhatsApp uses."""
    found = await rows(
        stage.house.database,
        "SELECT person_id, kind, value, listed AND NOT EXISTS (SELECT FROM suppressions s WHERE s.value = a.value) AS used "
        "FROM addresses a WHERE sort = 'phone' ORDER BY person_id, id",
    )
    return [(row.person_id, row.kind, row.value, row.used) for row in found]


async def test_a_changed_number_is_noted_with_its_evidence_and_the_old_one_used_no_more(stage: Stage) -> None:
    one = await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(channels="[whatsapp]")))
    for _ in range(3):
        await heard(stage, changed(OLD, NEW))
    assert await addresses(stage) == [(one, "phone", OLD, False), (one, "phone", NEW, True)]
    [learned] = await rows(stage.house.database, "SELECT evidence FROM addresses WHERE learned_at IS NOT NULL")
    assert learned.evidence.startswith("receipt:whatsapp:")
    assert NEW[3:] not in learned.evidence
    await stage.until("2026-11-20 19:30")
    assert [item.to for item in stage.provider.journal.find(channel="whatsapp")] == [NEW]


async def test_two_customers_are_never_made_one(stage: Stage) -> None:
    one, two = [await person(stage.house.database, number) for number in (1, 2)]
    theirs = addresses_of(2)[1][2]
    await heard(stage, changed(OLD, theirs))
    assert await addresses(stage) == [(one, "phone", OLD, False), (two, "phone", theirs, True)]
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql(
            f"INSERT INTO addresses (person_id, sort, kind, value) VALUES ({one}, 'phone', 'phone', '{theirs}')"
        )
    await heard(stage, changed(theirs, NEW))
    assert NEW not in {value for _, _, value, _ in await addresses(stage)}


async def test_a_user_id_that_comes_along_is_learned_and_used_when_there_is_no_number(stage: Stage, tmp_path: Path) -> None:
    one = await person(stage.house.database, 1)
    await configure(stage.house, files(campaign(channels="[whatsapp]")))
    said = {"from": OLD[1:], "id": "wamid.A", "timestamp": "1795170000", "type": "text", "text": {"body": "Halo"}}
    contacts = [{"profile": {"name": "Budi"}, "wa_id": OLD[1:], "user_id": "ID.4711"}]
    await heard(stage, ("messages", {"contacts": contacts, "messages": [said]}))
    assert await addresses(stage) == [(one, "phone", OLD, True), (one, "bsuid", "ID.4711", True)]
    await load(stage.house.database, write(tmp_path / "customers.csv", {"customer_no": "C000001", "nama": "Budi Santoso", "hp": ""}))
    assert await addresses(stage) == [(one, "phone", OLD, False), (one, "bsuid", "ID.4711", True)]
    await stage.until("2026-11-20 19:30")
    assert [item.to for item in stage.provider.journal.find(channel="whatsapp")] == ["ID.4711"]
    stop = {"from_user_id": "ID.4711", "id": "wamid.B", "timestamp": "1795170100", "type": "text", "text": {"body": "Berhenti."}}
    await heard(stage, ("messages", {"messages": [stop]}))
    assert [
        row.person_id for row in await rows(stage.house.database, "SELECT person_id FROM suppressions WHERE person_id IS NOT NULL")
    ] == [one]
