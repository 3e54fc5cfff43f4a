"""The suppression list holds in the valve, in the claim and for whoever gets an address later, whatever was decided before."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from jobs import dispatch
from jobs.popups import offer
from jobs.withdrawal import complain, drop_addresses, opt_in, opt_out, refuse_address
from store.suppressions import Source
from tests.core.conftest import Stage
from tests.world import campaign, configure, files, person, rows, statuses

OFFER = campaign("gift", category="promo", channels="[email]")
NOTE = campaign("note", channels="[email]")


async def fates(stage: Stage) -> dict[tuple[str, str], tuple[str, str | None]]:
    found = await rows(
        stage.house.database,
        """SELECT p.customer_no, r.campaign, m.status, m.reason FROM messages m JOIN runs r ON r.id = m.run_id
           JOIN people p ON p.id = m.person_id""",
    )
    return {(row.customer_no[-1], row.campaign): (row.status, row.reason) for row in found}


async def released(stage: Stage) -> int:
    """The chunk of the one run, decided by the valve and not sent yet."""
    [row] = await rows(stage.house.database, "SELECT DISTINCT chunk_id FROM messages WHERE status = 'released'")
    return int(row.chunk_id)


async def released_at_seven(stage: Stage) -> int:
    """Everything goes at 19:00; nobody works the queue."""

    async def nobody() -> None:
        return

    working, stage.send = stage.send, nobody
    await stage.until("2026-11-20 19:00")
    stage.send = working
    return await released(stage)


async def test_a_dead_address_is_dead_for_whoever_gets_it_later_however_it_is_written(stage: Stage) -> None:
    async with stage.house.database.begin() as connection:
        dead = [("email", "C1@Example.com", "5.1.1", "bounce"), ("email", "c1@example.COM", "5.1.1", "bounce again")]
        assert await drop_addresses(connection, dead, stage.clock.now()) == 1
    await person(stage.house.database, 1)
    await person(stage.house.database, 2)
    await configure(stage.house, files(NOTE))
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [
        ("C000001", "email", "suppressed", "no_address:email"),
        ("C000002", "email", "sent", None),
    ]


async def test_an_address_that_dies_after_the_release_gets_nothing(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(NOTE))
    chunk = await released_at_seven(stage)
    async with stage.house.database.begin() as connection:
        await drop_addresses(connection, [("email", "c1@example.com", "5.1.1", "bounce")], stage.clock.now())
    await dispatch.dispatch(stage.house, chunk, "email")
    assert await statuses(stage.house.database) == [("C000001", "email", "failed", "no_address")]
    assert stage.delivered("email") == []


async def test_a_complaint_stops_offers_and_nothing_else(stage: Stage) -> None:
    one = await person(stage.house.database, 1)
    await person(stage.house.database, 2)
    await configure(stage.house, files(OFFER, NOTE))
    await stage.until("2026-11-20 18:50")
    async with stage.house.database.begin() as connection:
        for _ in range(2):
            await complain(stage.house, connection, [(one, "email", "report of kabar-1")], stage.clock.now(), code="abuse")
    assert (await fates(stage))["1", "gift"] == ("suppressed", "opted_out:email")
    await stage.until("2026-11-20 21:10")
    assert await fates(stage) == {
        ("1", "gift"): ("suppressed", "opted_out:email"),
        ("1", "note"): ("sent", None),
        ("2", "gift"): ("sent", None),
        ("2", "note"): ("sent", None),
    }
    [word] = await rows(stage.house.database, "SELECT kind, source, code, evidence FROM suppressions")
    assert tuple(word) == ("complaint", "report", "abuse", "report of kabar-1")


@pytest.mark.parametrize("moment", ["waiting", "released", "shown"])
async def test_a_word_said_of_an_address_holds_at_every_step(stage: Stage, moment: str) -> None:
    person_id = await person(stage.house.database, 1)
    channel = "popup" if moment == "shown" else "email"
    await configure(stage.house, files(campaign("gift", category="promo", channels=f"[{channel}]")))
    if moment == "released":
        chunk = await released_at_seven(stage)
    else:
        await stage.until("2026-11-20 18:50" if moment == "waiting" else "2026-11-20 19:05")
    async with stage.house.database.begin() as connection:
        said = [("email", "c1@example.com", channel, "old suite")]
        await refuse_address(stage.house, connection, "opt_out", said, stage.clock.now(), Source.OPERATOR)
    match moment:
        case "waiting":
            assert await statuses(stage.house.database) == [("C000001", "email", "suppressed", "opted_out:email")]
        case "released":
            await dispatch.dispatch(stage.house, chunk, "email")
            assert await statuses(stage.house.database) == [("C000001", "email", "suppressed", "opted_out")]
        case _:
            assert (await offer(stage.house, person_id, "app_open", stage.clock.now())).item is None


async def test_a_word_of_an_address_the_person_had_before_holds_still(stage: Stage) -> None:
    await person(stage.house.database, 1)
    async with stage.house.database.begin() as connection:
        await refuse_address(
            stage.house, connection, "opt_out", [("email", "c1@example.com", "push", "old suite")], stage.clock.now(), Source.OPERATOR
        )
        await connection.execute(text("UPDATE addresses SET listed = false WHERE sort = 'email'"))
    await configure(stage.house, files(campaign("gift", category="promo")))
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [("C000001", "push", "suppressed", "opted_out:push")]


async def test_what_nobody_told_the_valve_of_it_finds_within_its_next_tick(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(OFFER))
    await stage.until("2026-11-20 18:59")
    async with stage.house.database.begin() as connection:
        new = "INSERT INTO suppressions (kind, channel, person_id, at, recorded_at, source, evidence)"
        await connection.execute(text(f"{new} SELECT 'opt_out', 'email', id, now(), now(), 'operator', 'x' FROM people"))
    await stage.until("2026-11-20 19:00")
    assert await statuses(stage.house.database) == [("C000001", "email", "suppressed", "opted_out:email")]


async def test_the_persons_own_word_lifts_opt_out_and_complaint_and_both_stay_on_record(stage: Stage) -> None:
    one = await person(stage.house.database, 1)
    now = stage.clock.now()
    async with stage.house.database.begin() as connection:
        await opt_out(stage.house, connection, [(one, "email", "STOP"), (one, "push", "STOP")], now)
        await complain(stage.house, connection, [(one, "email", "report")], now)
        await refuse_address(stage.house, connection, "opt_out", [("email", "c1@example.com", "email", "list")], now, Source.OPERATOR)
        assert await opt_in(connection, [(one, "email", "START")], now) == 3
        assert await opt_in(connection, [(one, "email", "START")], now) == 0
    found = await rows(stage.house.database, "SELECT channel, lifted_by, lift_evidence FROM suppressions ORDER BY id")
    assert [tuple(row) for row in found] == [
        ("email", "customer", "START"),
        ("push", None, None),
        ("email", "customer", "START"),
        ("email", "customer", "START"),
    ]
    await configure(stage.house, files(OFFER))
    await stage.until("2026-11-20 19:05")
    assert await statuses(stage.house.database) == [("C000001", "email", "sent", None)]
