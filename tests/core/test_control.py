"""The control group of a campaign: always the same people, on record, and nothing for them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import StringIO
from pathlib import Path

from rich.console import Console

from config.loader import parse
from console.cli.preview import about, about_customer
from console.cli.why import show, tell
from jobs.audit import examine
from jobs.customers import import_customers
from jobs.house import House
from scheduler.bootstrap import contents
from store import events
from store.breaches import Kind
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person, rows, statuses

HALF = "{share: 50%, seed: kabar}"
PEOPLE = 20
NEXT_DAY = '{at: "2026-11-21 11:00"}'


def picked(seed: str, share: int = 5_000) -> set[str]:
    """Whom the rule of docs/configuration.md picks, by other means than SQL."""
    numbers = (f"C{number:06}" for number in range(1, PEOPLE + 1))
    return {no for no in numbers if int(hashlib.md5(f"{seed}:{no}".encode()).hexdigest()[:8], 16) % 10_000 < share}


async def crowd(house: House) -> None:
    for number in range(1, PEOPLE + 1):
        await person(house.database, number)


async def held_out(house: House, name: str) -> set[str]:
    found = await rows(
        house.database,
        """SELECT p.customer_no FROM messages m JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id
           WHERE r.campaign = :name AND m.status = 'suppressed' AND m.reason = 'control_group' AND m.settled_at = m.queued_at""",
        name=name,
    )
    return {row.customer_no for row in found}


async def test_the_control_group_is_on_record_and_gets_nothing(stage: Stage) -> None:
    await crowd(stage.house)
    await configure(stage.house, files(campaign(control=HALF)))
    await stage.until("2026-11-20 19:30")
    group = await held_out(stage.house, "hello")
    assert group == picked("kabar")
    assert 0 < len(group) < PEOPLE
    assert {no for no, _, status, _ in await statuses(stage.house.database) if status == "sent"} == picked("kabar", 10_000) - group
    assert len(stage.delivered()) == PEOPLE - len(group)
    [run] = await rows(stage.house.database, "SELECT status, messages, window_keys FROM runs")
    assert (run.status, run.messages, run.window_keys) == ("finished", PEOPLE, ["seg:regular@Asia/Jakarta"])


async def test_one_seed_picks_the_same_people_in_every_run_and_campaign_and_another_others(stage: Stage) -> None:
    await crowd(stage.house)
    again, own = (
        campaign("again", control=HALF, when=NEXT_DAY),
        campaign("own", control="{share: 50%}", category="info", channels="[email]"),
    )
    await configure(stage.house, files(campaign(control=HALF), again, own))
    await stage.until("2026-11-21 12:00")
    assert await held_out(stage.house, "hello") == await held_out(stage.house, "again") == picked("kabar")
    assert await held_out(stage.house, "own") == picked("own") != picked("kabar")


async def test_a_new_customer_file_moves_nobody_in_or_out(stage: Stage, tmp_path: Path) -> None:
    await crowd(stage.house)
    await configure(stage.house, files(campaign(control=HALF), campaign("again", control=HALF, when=NEXT_DAY)))
    await stage.until("2026-11-20 20:00")
    file = tmp_path / "customers.csv"
    lines = [f"C{number:06},Sari Dewi {number},{number}000000" for number in range(PEOPLE, 0, -1)]
    file.write_text("\n".join(["customer_no,name,portfolio_value", *lines]))
    now = stage.clock.now()
    await import_customers(stage.house.database, file, now=now, today=now.date(), progress=lambda done, total: None)
    await stage.until("2026-11-21 12:00")
    assert await held_out(stage.house, "again") == await held_out(stage.house, "hello")


async def test_a_run_of_nothing_but_a_control_group_finishes(stage: Stage) -> None:
    await person(stage.house.database, min(int(no[1:]) for no in picked("kabar")))
    await configure(stage.house, files(campaign(control=HALF)))
    await stage.until("2026-11-20 18:50")
    [run] = await rows(stage.house.database, "SELECT status, messages FROM runs")
    assert (run.status, run.messages) == ("finished", 1)


async def test_customer_events_know_the_control_group_too(stage: Stage) -> None:
    await crowd(stage.house)
    await configure(stage.house, files(campaign("kyc", category="service", when="{event: kyc.updated}", control=HALF)))
    for number in range(1, PEOPLE + 1):
        async with stage.house.database.begin() as connection:
            await events.add(
                connection, event_id=f"e{number}", name="kyc.updated", customer_no=f"C{number:06}", data={}, now=stage.clock.now()
            )
    await stage.now()
    assert await held_out(stage.house, "kyc") == picked("kabar")
    assert len(stage.delivered()) == PEOPLE - len(picked("kabar"))


def test_the_control_group_is_part_of_what_is_approved() -> None:
    hashes = {parse(files(campaign(control=control)), contents()).content_hash("hello") for control in (None, HALF, "{share: 50%}")}
    assert len(hashes) == 3


async def test_a_preview_says_who_gets_nothing_on_purpose(house: House) -> None:
    await crowd(house)
    config = parse(files(campaign(control=HALF)), contents())
    found, now = config.campaigns["hello"], house.clock.now() - timedelta(hours=6)
    n = len(picked("kabar"))
    page = StringIO()
    for part in await about(house, config, found, now):
        Console(width=160, file=page).print(part, highlight=False)
    assert f"20 people; the audience is any of regular; {n} of them are in the control group and get nothing on purpose" in page.getvalue()
    lines = page.getvalue().splitlines()
    assert any("will not go" in line and "in the control group: gets nothing on purpose" in line and f"{n} " in line for line in lines)
    assert any("goes" in line and f"{PEOPLE - n} " in line for line in lines)
    [chosen] = sorted(picked("kabar"))[:1]
    told = "\n".join(str(part) for part in await about_customer(house, config, found, chosen, now))
    assert "will not go: in the control group: gets nothing on purpose" in told


async def test_why_says_it_in_words_with_the_campaign(stage: Stage) -> None:
    await crowd(stage.house)
    await configure(stage.house, files(campaign(control=HALF)))
    await stage.until("2026-11-20 18:50")
    page = StringIO()
    show(await tell(stage.house, min(picked("kabar")), stage.clock.now()), Console(width=200, file=page))
    assert "not sent: in the control group: gets nothing on purpose" in page.getvalue()
    assert "[config/schedules/c0.yaml:1]" in page.getvalue()


async def test_the_audit_finds_a_message_that_went_to_the_control_group_after_all(stage: Stage) -> None:
    await crowd(stage.house)
    await configure(stage.house, files(campaign(control=HALF)))
    await stage.until("2026-11-20 19:30")
    assert (await examine(stage.house)).clean
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql(
            """UPDATE messages SET status = 'sent', released_at = '2026-11-20 12:05Z', sent_at = '2026-11-20 12:05Z'
               WHERE id = (SELECT min(id) FROM messages WHERE reason = 'control_group')"""
        )
    found = await examine(stage.house)
    assert found.counts == {Kind.CONTROL: 1}
    assert [breach.customer_no for breach in found.found] == [min(picked("kabar"))]
    # Without a control group in the newest version the run's own still holds.
    await configure(stage.house, files(campaign()))
    assert (await examine(stage.house)).counts == {Kind.CONTROL: 1}


async def test_patience_is_counted_from_when_the_run_is_due_or_the_event_came(stage: Stage) -> None:
    await person(stage.house.database, 1)
    patient = campaign("patient", queue_for="2h"), campaign("endless", channels="[email]")
    await configure(stage.house, files(*patient, campaign("kyc", when="{event: kyc.updated}", channels="[whatsapp]", queue_for="90m")))
    stage.clock.advance_to(at("2026-11-20 18:40"))
    async with stage.house.database.begin() as connection:
        await events.add(connection, event_id="e", name="kyc.updated", customer_no="C000001", data={}, now=stage.clock.now())
    await stage.until("2026-11-20 18:50")
    found = await rows(stage.house.database, "SELECT r.campaign, m.queue_until FROM messages m JOIN runs r ON r.id = m.run_id")
    assert {row.campaign: row.queue_until for row in found} == {
        "patient": at("2026-11-20 20:45"),
        "endless": None,
        "kyc": at("2026-11-20 20:10"),
    }
