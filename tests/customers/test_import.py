"""What an import leaves in the database, and what a second one changes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from store import preferences, statements
from store.engine import Database
from store.suppressed import dead
from tests.customers.files import NOW, load, rows, write

BUDI = {
    "customer_no": "C1",
    "nama": "Budi Santoso",
    "email": "budi@Example.com",
    "hp": "0812-0000-0001",
    "push_tokens": "android:token:aa:bb|ios:fid:cc",
    "locale": "id-ID",
    "timezone": "WITA",
    "nilai_portofolio": "Rp500.000.000",
    "trades_last_month": "20",
    "last_trade_on": "19/11/2026",
    "birthday": "21 November 1990",
    "contact_hours": "pagi saja",
    "consent_push": "ya",
    "consent_hours_push": "daily 08:00-22:00",
    "consent_whatsapp": "tidak",
    "consent_hours_whatsapp": "",
    "consent_email": "",
    "consent_hours_email": "daily 08:00-22:00",
    "Kota Asal": " Depok ",
}
CONSENTS = {"push": {"marketing": True, "hours": "daily 08:00-22:00"}, "whatsapp": {"marketing": False, "hours": None}}
ADDRESSES = f"SELECT sort, kind, value, platform, listed, NOT {dead('addresses')} FROM addresses ORDER BY sort, value"
DEAD = "INSERT INTO suppressions (kind, sort, value, at, recorded_at, source, evidence)"
HISTORY = "SELECT recorded_at, source, timezone, contact_hours, consents FROM permissions ORDER BY id"
DAY = timedelta(days=1)


async def test_every_column_arrives_where_it_belongs(database: Database, tmp_path: Path) -> None:
    report = await load(database, write(tmp_path / "a.csv", BUDI))
    assert (report.rows, report.inserted, report.rejected, report.rejects_file) == (1, 1, 0, None)
    assert await rows(
        database,
        "SELECT customer_no, name, locale, timezone, portfolio_value, trades_last_month, last_trade_on, birthday, contact_hours,"
        " consents, attributes, created_at = updated_at FROM people",
    ) == [
        (
            *("C1", "Budi Santoso", "id", "Asia/Makassar", Decimal("500000000.00"), 20, date(2026, 11, 19), date(1990, 11, 21)),
            *("daily 06:00-11:00", CONSENTS, {"kota_asal": "Depok"}, True),
        )
    ]
    assert await rows(database, ADDRESSES) == [
        ("email", "email", "budi@example.com", None, True, True),
        ("phone", "phone", "+6281200000001", None, True, True),
        ("push", "token", "aa:bb", "android", True, True),
        ("push", "fid", "cc", "ios", True, True),
    ]
    assert await rows(database, HISTORY) == [(NOW, "import", "Asia/Makassar", "daily 06:00-11:00", CONSENTS)]


async def test_the_same_file_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    everything = "SELECT (SELECT array_agg(p::text) FROM people p), (SELECT array_agg(a::text ORDER BY a.id) FROM addresses a)"
    path = write(tmp_path / "a.csv", BUDI, BUDI | {"customer_no": "C2", "hp": "", "timezone": "", "push_tokens": "-"})
    await load(database, path)
    before = await rows(database, everything), await rows(database, HISTORY)
    report = await load(database, path, later=DAY)
    assert (report.inserted, report.updated, report.unchanged) == (0, 0, 2)
    assert (await rows(database, everything), await rows(database, HISTORY)) == before


async def test_a_file_with_some_columns_touches_only_those(database: Database, tmp_path: Path) -> None:
    await load(database, write(tmp_path / "a.csv", BUDI))
    part = {"customer_no": "C1", "name": "Budi S.", "trades_last_month": "", "rm": "Ani"}
    report = await load(database, write(tmp_path / "b.csv", part), later=DAY)
    assert report.updated == 1
    statement = "SELECT name, trades_last_month, birthday, locale, consents, attributes, updated_at FROM people"
    assert await rows(database, statement) == [
        ("Budi S.", None, date(1990, 11, 21), "id", CONSENTS, {"kota_asal": "Depok", "rm": "Ani"}, NOW + DAY)
    ]
    assert len(await rows(database, "SELECT FROM addresses WHERE listed")) == 4


async def test_a_consent_without_its_hours_column_keeps_the_hours(database: Database, tmp_path: Path) -> None:
    await load(database, write(tmp_path / "a.csv", BUDI))
    part = {"customer_no": "C1", "name": "Budi Santoso", "consent_push": "tidak", "consent_whatsapp": "", "consent_popup": "ya"}
    await load(database, write(tmp_path / "b.csv", part), later=DAY)
    assert await rows(database, "SELECT consents FROM people") == [
        ({"push": {"marketing": False, "hours": "daily 08:00-22:00"}, "popup": {"marketing": True, "hours": None}},)
    ]


async def test_an_address_that_left_the_file_is_unlisted_until_it_comes_back(database: Database, tmp_path: Path) -> None:
    await load(database, write(tmp_path / "a.csv", BUDI))
    report = await load(database, write(tmp_path / "b.csv", BUDI | {"push_tokens": "ios:fid:cc|ios:fid:dd", "hp": ""}), later=DAY)
    assert report.updated == 1
    listed = "SELECT value, listed FROM addresses ORDER BY value"
    assert await rows(database, listed) == [
        *(("+6281200000001", False), ("aa:bb", False), ("budi@example.com", True), ("cc", True), ("dd", True)),
    ]
    await load(database, write(tmp_path / "c.csv", BUDI), later=2 * DAY)
    assert await rows(database, listed) == [
        *(("+6281200000001", True), ("aa:bb", True), ("budi@example.com", True), ("cc", True), ("dd", False)),
    ]


async def test_a_dropped_address_stays_dropped_whatever_the_file_says(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BUDI)
    await load(database, path)
    await rows(
        database, f"{DEAD} SELECT 'address', sort, value, now(), now(), 'provider', 'x' FROM addresses WHERE sort = 'push' RETURNING 1"
    )
    await load(database, write(tmp_path / "b.csv", BUDI | {"push_tokens": ""}), later=DAY)
    await load(database, path, later=2 * DAY)
    still = await rows(database, f"SELECT value, listed FROM addresses WHERE {dead('addresses')} ORDER BY value")
    assert still == [("aa:bb", True), ("cc", True)]


async def test_an_import_says_how_much_of_the_file_the_suppression_list_holds_against(database: Database, tmp_path: Path) -> None:
    report = await load(database, write(tmp_path / "a.csv", BUDI))
    assert (report.dead, report.refused) == (0, 0)
    new = "INSERT INTO suppressions (kind, sort, value, channel, person_id, at, recorded_at, source, evidence)"
    for values in (
        "SELECT 'address', sort, value, NULL, NULL::bigint, now(), now(), 'provider', 'x' FROM addresses WHERE sort = 'push'",
        "SELECT 'address', 'email', 'budi@example.com', NULL, NULL::bigint, now(), now(), 'provider', 'x'",
        "SELECT 'opt_out', NULL, NULL, 'push', id, now(), now(), 'one-click', 'x' FROM people",
        "SELECT 'complaint', 'phone', '+6281200000001', 'push', NULL::bigint, now(), now(), 'import', 'x'",
        "SELECT 'opt_out', NULL, NULL, 'whatsapp', id, now(), now(), 'one-click', 'x' FROM people",
    ):
        await rows(database, f"{new} {values} RETURNING 1")
    report = await load(database, write(tmp_path / "a.csv", BUDI | {"email": "BUDI@example.com"}), later=DAY)
    assert (report.dead, report.refused) == (3, 1)  # the file itself says no to whatsapp


async def test_permissions_grow_by_one_row_for_each_change_and_by_none_for_other_news(database: Database, tmp_path: Path) -> None:
    changes = [{}, {"nama": "Budi S."}, {"timezone": "WIB"}, {"timezone": "WIB", "consent_email": "ya"}, {"consent_push": ""}, {}]
    for number, change in enumerate(changes):
        await load(database, write(tmp_path / "a.csv", BUDI | change), later=number * DAY)
    recorded = await rows(database, "SELECT recorded_at, timezone, consents - 'whatsapp' FROM permissions ORDER BY id")
    push, email = CONSENTS["push"], {"marketing": True, "hours": "daily 08:00-22:00"}
    assert recorded == [
        (NOW, "Asia/Makassar", {"push": push}),
        (NOW + 2 * DAY, "Asia/Jakarta", {"push": push}),
        (NOW + 3 * DAY, "Asia/Jakarta", {"push": push, "email": email}),
        (NOW + 4 * DAY, "Asia/Makassar", {}),
        (NOW + 5 * DAY, "Asia/Makassar", {"push": push}),
    ]


async def test_customers_who_are_not_in_a_file_stay_as_they_are(database: Database, tmp_path: Path) -> None:
    await load(database, write(tmp_path / "a.csv", BUDI))
    report = await load(database, write(tmp_path / "b.csv", BUDI | {"customer_no": "C2"}))
    assert report.inserted == 1
    assert await rows(database, "SELECT count(*) FROM addresses WHERE listed") == [(8,)]


async def test_a_further_channel_brings_its_own_address_column(database: Database, tmp_path: Path) -> None:
    await load(database, write(tmp_path / "a.csv", {"customer_no": "C1", "name": "Budi", "address_sms": "0812 1", "consent_sms": "ya"}))
    assert await rows(database, ADDRESSES) == [("sms", "sms", "0812 1", None, True, True)]
    assert await rows(database, "SELECT consents FROM people") == [({"sms": {"marketing": True, "hours": None}},)]


async def test_hours_a_person_chose_on_the_page_hold_against_the_next_file_and_are_counted(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BUDI, BUDI | {"customer_no": "C2"}, BUDI | {"customer_no": "C3"})
    assert (await load(database, path)).own_hours == 0
    async with database.begin() as connection:
        for number, hours in (("C1", "Mon-Fri 00:00-24:00"), ("C2", None)):
            [person] = await statements.rows(connection, statements.sql("SELECT id FROM people WHERE customer_no = :no"), no=number)
            await preferences.set_hours(connection, person.id, hours, NOW + DAY)
            await preferences.record(connection, person.id, "preferences", NOW + DAY)
    report = await load(database, path, later=2 * DAY)
    assert (report.updated, report.unchanged, report.own_hours) == (0, 3, 2)
    report = await load(database, write(tmp_path / "b.csv", BUDI | {"nama": "Budi S.", "contact_hours": ""}), later=3 * DAY)
    assert (report.updated, report.own_hours) == (1, 1)
    assert await rows(database, "SELECT customer_no, contact_hours FROM people ORDER BY id") == [
        ("C1", "Mon-Fri 00:00-24:00"),
        ("C2", None),
        ("C3", "daily 06:00-11:00"),
    ]
    assert len(await rows(database, "SELECT FROM permissions")) == 5
    report = await load(database, write(tmp_path / "c.csv", {"customer_no": "C1", "name": "Budi S."}), later=4 * DAY)
    assert report.own_hours == 0
