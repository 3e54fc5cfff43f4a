"""kabar forget: after it no table holds anything of the person, and nothing that comes in later brings them back."""

from __future__ import annotations

import quopri
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from jobs.audit import examine
from jobs.events import take_event
from jobs.forget import Forgotten, NobodyThere, NotAllErased, forget_again, forget_customer, keep_forgotten, readmit_customer
from jobs.housekeeping import housekeeping
from jobs.receipts import apply_receipts
from store import erased, forget, identities, outbox, receipts, set_aside
from store.events import ForgottenCustomer
from store.identities import Learned
from store.outbox import Settlement
from tests.channels import bounced
from tests.core.conftest import Stage
from tests.core.webhooks import answered, receive, status
from tests.customers.files import load, write
from tests.world import ALL_CHANNELS, campaign, configure, files, person, rows

NAME, MAIL, PHONE, TOKEN = "Kenari Emaswati", "kenari.emas@contoh.example", "+6281298765432", "kenari-perangkat-1"
KENARI = {
    "customer_no": "C000001",
    "name": NAME,
    "email": MAIL,
    "phone": PHONE,
    "push_tokens": f"android:token:{TOKEN}",
    "portfolio_value": "1000000",
    "birthday": "1990-11-21",
    "contact_hours": "daily 06:00-23:59",
    "alamat": "Jalan Cendrawasih 7",
    **{f"consent_{channel}": "ya" for channel in ALL_CHANNELS},
}
BUDI = KENARI | {
    "customer_no": "C000002",
    "name": "Budi",
    "email": "budi@example.com",
    "phone": "+6281200000002",
    "push_tokens": "android:token:budi",
    "alamat": "Jalan Mawar 1",
    "birthday": "1980-01-02",
}
CANARIES = ("kenari", "emaswati", "contoh.example", "81298765432", "cendrawasih", "rahasia", "1990-11-21")
# WhatsApp's ids are the number in base64.
NEEDLES = (*CANARIES, *(word.encode().hex() for word in CANARIES), b64encode(b"628129876543").decode().lower())
EVERYWHERE = {"audience": "everyone", "channels": f"[{', '.join(ALL_CHANNELS)}]", "category": "service"}
TOLD = campaign("told", **EVERYWHERE | {"when": "{event: kyc.rejected}"})
TOMORROW = campaign("tomorrow", **EVERYWHERE | {"channels": "[email, popup]", "when": '{at: "2026-11-21 12:00"}'})
SAID = """INSERT INTO suppressions (kind, channel, sort, value, person_id, at, recorded_at, source, code, evidence)
    SELECT v.kind, v.channel, v.sort, v.value, CASE WHEN v.value IS NULL THEN p.id END, :now, :now, 'operator', 'operator', v.evidence
    FROM people p, (VALUES ('address', NULL, 'email', :mail, 'letter of KENARI  emaswati'),
                           ('opt_out', 'push', NULL, NULL, 'receipt:whatsapp:kenari'),
                           ('opt_out', 'whatsapp', 'phone', :phone, 'call')) AS v(kind, channel, sort, value, evidence)
    WHERE p.customer_no = 'C000001'"""


async def found(stage: Stage) -> dict[str, list[str]]:
    """Table → which needles are in it, in any column of any row."""
    tables = await rows(stage.house.database, "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
    where: dict[str, list[str]] = {}
    for table in tables:
        for row in await rows(stage.house.database, f"SELECT CAST(t AS text) AS words FROM {table.relname} t"):
            if hits := [needle for needle in NEEDLES if needle in row.words.lower()]:
                where.setdefault(table.relname, []).extend(hits)
    return where


async def act(stage: Stage, statement: str, **values: object) -> None:
    async with stage.house.database.begin() as connection:
        await connection.execute(text(statement), values)


async def known(stage: Stage, path: Path) -> Path:
    """Two customers, and what one of them said; returns the customer file."""
    customers = write(path / "customers.csv", KENARI, BUDI)
    await load(stage.house.database, customers)
    await act(stage, SAID, now=stage.clock.now(), mail=MAIL, phone=PHONE)
    return customers


async def lived(stage: Stage, path: Path) -> Path:
    """Two customers with everything that can be known of them; returns the customer file."""
    customers = write(path / "customers.csv", KENARI, BUDI)
    await load(stage.house.database, customers)
    await configure(stage.house, files(campaign(), campaign("all", **EVERYWHERE), TOLD, TOMORROW))
    data = {"reason": f"alasan rahasia {NAME}"}
    await take_event(stage.house, event_id="kenari-1", name="kyc.rejected", customer_no="C000001", data=data, now=stage.clock.now())
    await stage.until("2026-11-20 18:50")
    await hear(stage, answered(stage, f"ini {NAME}"), *(status(stage, number, "read") for number in await own(stage)))
    await act(stage, SAID, now=stage.clock.now(), mail=MAIL, phone=PHONE)
    await act(stage, SENDING, lease=stage.clock.now() + timedelta(seconds=120))
    return customers


async def hear(stage: Stage, *bodies: bytes) -> None:
    """Webhooks about her number."""
    await receive(stage, *(body.replace(b"6281200000001", PHONE[1:].encode()) for body in bodies))


SENDING = """UPDATE messages SET status = 'sending', fence = 7, lease_until = :lease, released_at = queued_at WHERE id = (
    SELECT min(m.id) FROM messages m JOIN people p ON p.id = m.person_id WHERE m.status = 'queued' AND p.customer_no = 'C000001')"""


async def own(stage: Stage, number: str = "C000001") -> Sequence[int]:
    found = await rows(
        stage.house.database, f"SELECT m.id FROM messages m JOIN people p ON p.id = m.person_id WHERE customer_no = '{number}'"
    )
    return [row.id for row in found]


async def forgotten(stage: Stage, number: str = "C000001") -> Forgotten:
    return await forget_customer(stage.house, number, by="dewi", reason=f"surat {NAME}, CRM-1182", now=stage.clock.now())


async def test_no_table_and_no_log_holds_anything_of_a_forgotten_person(stage: Stage, tmp_path: Path) -> None:
    await lived(stage, tmp_path)
    before = await found(stage)
    assert {"people", "addresses", "messages", "attempts", "interactions", "events", "popups", "receipts", "suppressions"} <= before.keys()
    with capture_logs() as log:
        done = await forgotten(stage)
    assert done.stopped == 1
    assert await found(stage) == {}
    assert not [needle for needle in NEEDLES if needle in repr(log).lower()]
    [entry] = await rows(
        stage.house.database, "SELECT actor, action, detail ->> 'reason' AS reason FROM audit_log WHERE action <> 'customers.import'"
    )
    assert tuple(entry) == ("dewi", "forget", "surat ***, CRM-1182")


async def test_counts_states_and_what_was_agreed_to_stay_without_a_name_and_the_audit_says_the_same(stage: Stage, tmp_path: Path) -> None:
    await lived(stage, tmp_path)
    messages = await own(stage)
    before = await examine(stage.house, None)
    await forgotten(stage)
    async with stage.house.database.begin() as connection:
        answer = Settlement(min(messages), 7, "sent", stage.clock.now(), provider_id="wamid.kenari")
        assert await outbox.settle(connection, [replace(answer, message_id=number) for number in messages]) == set()
    kept = await rows(stage.house.database, f"SELECT status, reason FROM messages WHERE id = ANY(ARRAY{list(messages)})")
    assert len(kept) == len(messages) == 9
    assert ("unknown", "forgotten") in [tuple(row) for row in kept]
    agreed = await rows(
        stage.house.database, "SELECT consents -> 'push' ->> 'marketing' AS push, source FROM permissions ORDER BY id LIMIT 1"
    )
    assert [tuple(row) for row in agreed] == [("true", "import")]
    words = await rows(
        stage.house.database, "SELECT kind, channel, value LIKE 'erased:%' AS hashed, evidence FROM suppressions ORDER BY id"
    )
    assert [tuple(row)[:3] for row in words] == [("address", None, True), ("opt_out", "push", None), ("opt_out", "whatsapp", True)]
    assert words[0].evidence == "letter of ***"
    assert words[1].evidence.startswith("receipt:erased:")
    after = await examine(stage.house, None)
    assert (after.messages, after.people, after.counts) == (before.messages, before.people, before.counts)


PUT_ASIDE = """INSERT INTO receipts (source, body, received_at, applied_at, error)
    SELECT 'whatsapp', convert_to(word, 'UTF8'), :now, :now, 'KeyError' FROM unnest(CAST(:words AS text[])) word RETURNING id"""


async def test_what_was_set_aside_about_them_is_emptied_by_whatever_it_names_them(stage: Stage, tmp_path: Path) -> None:
    await lived(stage, tmp_path)
    [sent] = await rows(stage.house.database, SENT_BY_WHATSAPP)
    hers = [f'{{"to": "{PHONE}', f"<{MAIL.upper()}", f"{{{sent.provider_id}", f"{{kabar-{sent.id}", TOKEN]
    hers.append(quopri.encodestring(f"{'x' * 60} {MAIL}".encode()).decode())
    # A pop-up's is our own key, and the beginning of other people's.
    await act(stage, "UPDATE messages SET provider_id = 'kabar-12345' WHERE id = :id", id=max(await own(stage)))
    others = [f"kabar-{sent.id}0", "{kabar-123456", "of Budi, +6281200000002", "nobody's"]
    await act(stage, PUT_ASIDE, now=stage.clock.now(), words=[*hers, *others])
    await forgotten(stage)
    kept = await rows(stage.house.database, "SELECT convert_from(body, 'UTF8') AS words FROM receipts WHERE error IS NOT NULL ORDER BY id")
    assert [row.words for row in kept] == others
    assert await found(stage) == {}


SENT_BY_WHATSAPP = """SELECT m.id, m.provider_id FROM messages m JOIN people p ON p.id = m.person_id
    WHERE p.customer_no = 'C000001' AND m.channel = 'whatsapp' AND m.provider_id IS NOT NULL LIMIT 1"""


async def test_what_was_set_aside_and_waits_to_be_tried_again_is_emptied_too(stage: Stage, tmp_path: Path) -> None:
    await lived(stage, tmp_path)
    await act(stage, PUT_ASIDE, now=stage.clock.now(), words=[f"{{{PHONE}"])
    async with stage.house.database.begin() as connection:
        assert await set_aside.retry(connection, "receipt") == 1
    await forgotten(stage)
    await hear(stage, f"<{PHONE}> {{".encode(), b"<+6281200000002> {")
    assert [bytes(row.body) for row in await rows(stage.house.database, SET_ASIDE)] == [b"<+6281200000002> {"]
    assert await found(stage) == {}


SET_ASIDE = "SELECT body FROM receipts WHERE error IS NOT NULL"


async def test_what_comes_later_about_them_and_is_set_aside_keeps_nothing(stage: Stage, tmp_path: Path) -> None:
    await lived(stage, tmp_path)
    await forgotten(stage)
    await act(stage, "ALTER TABLE interactions ADD CONSTRAINT poison CHECK (kind <> 'replied') NOT VALID")
    with capture_logs() as log:
        await hear(stage, answered(stage, f"ini {NAME} lagi"))
    assert [line["event"] for line in log if line["log_level"] == "error"] == ["receipt.failed"]
    assert await rows(stage.house.database, SET_ASIDE) == []
    assert await found(stage) == {}


async def test_nothing_that_comes_in_later_brings_a_forgotten_person_back(stage: Stage, tmp_path: Path) -> None:
    customers = await lived(stage, tmp_path)
    messages = await own(stage)
    [person] = await rows(stage.house.database, "SELECT id FROM people WHERE customer_no = 'C000001'")
    await forgotten(stage)
    stop = answered(stage, "STOP")
    words = answered(stage, f"ini {NAME} lagi").replace(b"wamid.Y", b"wamid.kenari")
    late = [status(stage, number, "delivered") for number in messages]
    with capture_logs() as log:
        await hear(stage, stop, words, *late)
        await returned(stage, messages)
        with pytest.raises(ForgottenCustomer):
            await take_event(stage.house, event_id="e9", name="kyc.updated", customer_no="C000001", data={}, now=stage.clock.now())
        report = await load(stage.house.database, customers, later=timedelta(hours=1))
        await housekeeping(stage.house, stage.clock.now())
        await stage.until("2026-11-21 12:05")
        await housekeeping(stage.house, stage.clock.now())
    assert (report.rejected, report.inserted, report.unchanged) == (1, 0, 1)
    assert report.rejects_file is not None
    rejects = report.rejects_file.read_text().lower()
    assert "c000001" in rejects
    assert "was forgotten on 2026-11-20 and stays out" in rejects
    assert not [needle for needle in NEEDLES if needle in rejects + repr(log).lower()]
    assert await found(stage) == {}
    assert [each.to for each in stage.provider.journal.find() if each.campaign == "tomorrow"] == ["budi@example.com"]
    assert len(await rows(stage.house.database, "SELECT 1 FROM messages WHERE person_id = :person", person=person.id)) == len(messages)


async def returned(stage: Stage, messages: Sequence[int]) -> None:
    """Each mail comes back, with our seal and without: no such user."""
    async with stage.house.database.begin() as connection:
        for number in messages:
            key = f"kabar-{number}"
            for seal in (stage.house.signer.seal(key), "aaaaaaaaaa"):
                raw = bounced.report("550 5.1.1 User unknown", status="5.1.1").replace(bounced.KEY.encode(), key.encode())
                await receipts.store(
                    connection, "email", raw.replace(bounced.SEAL.encode(), seal.encode()).replace(bounced.TO.encode(), MAIL.encode()),
                    stage.clock.now(),
                )  # fmt: skip
    while await apply_receipts(stage.house, stage.clock.now()):
        pass


async def test_forgetting_again_finds_what_came_in_and_an_unknown_number_is_told(stage: Stage, tmp_path: Path) -> None:
    await known(stage, tmp_path)
    await forgotten(stage)
    again = await forgotten(stage)
    assert again.before is not None
    assert (again.before.forgotten_by, again.stopped, again.traces) == ("dewi", 0, 0)
    [person] = await rows(stage.house.database, "SELECT id FROM people WHERE forgotten_at IS NOT NULL")
    late = "INSERT INTO interactions (event_id, person_id, kind, at, detail) VALUES ('kenari', :person, 'replied', :now, 'kenari')"
    await act(stage, late, person=person.id, now=stage.clock.now())
    assert (await found(stage)).keys() == {"interactions"}
    await housekeeping(stage.house, stage.clock.now())
    assert await found(stage) == {}
    with pytest.raises(NobodyThere):
        await forgotten(stage, "C404")
    assert len(await rows(stage.house.database, "SELECT 1 FROM audit_log WHERE action = 'forget'")) == 1


async def test_who_is_readmitted_comes_back_as_somebody_new_and_their_refusals_hold(stage: Stage, tmp_path: Path) -> None:
    customers = await known(stage, tmp_path)
    await forgotten(stage)
    assert await readmit_customer(stage.house, "C000001", by="dewi", reason="CRM-1200", now=stage.clock.now())
    assert not await readmit_customer(stage.house, "C000001", by="dewi", reason="CRM-1200", now=stage.clock.now())
    report = await load(stage.house.database, customers, later=timedelta(days=1))
    assert (report.inserted, report.rejected, report.dead, report.refused) == (1, 0, 1, 2)
    live = await rows(stage.house.database, REFUSED)
    assert [tuple(row) for row in live] == [("address", "email", MAIL), ("opt_out", "push", None), ("opt_out", "whatsapp", PHONE)]
    assert not await own(stage)
    await forgotten(stage)
    assert await found(stage) == {}
    assert await rows(stage.house.database, "SELECT 1 FROM tombstones WHERE readmitted_at IS NULL") != []


REFUSED = """SELECT x.kind, coalesce(x.channel, x.sort) AS of, x.value FROM suppressions x LEFT JOIN people p ON p.id = x.person_id
    WHERE x.value NOT LIKE 'erased:%' OR p.customer_no = 'C000001' ORDER BY 1, 2"""


async def test_an_address_that_another_customer_has_too_stays_theirs_with_what_was_said_of_it(stage: Stage, tmp_path: Path) -> None:
    await load(stage.house.database, write(tmp_path / "both.csv", KENARI, BUDI | {"phone": PHONE}))
    await act(stage, SAID, now=stage.clock.now(), mail=MAIL, phone=PHONE)
    await forgotten(stage)
    [word] = await rows(stage.house.database, "SELECT value FROM suppressions WHERE sort = 'phone'")
    assert word.value == PHONE
    await load(stage.house.database, write(tmp_path / "third.csv", BUDI | {"customer_no": "C000003", "email": MAIL, "phone": PHONE}))
    clear = "SELECT 1 FROM suppressions WHERE kind = 'address' AND value = :mail"
    assert len(await rows(stage.house.database, clear, mail=MAIL)) == 1


async def test_an_address_a_provider_tells_of_is_still_dead_after_its_owner_was_forgotten(stage: Stage, tmp_path: Path) -> None:
    await known(stage, tmp_path)
    await forgotten(stage)
    [budi] = await rows(stage.house.database, "SELECT id FROM people WHERE customer_no = 'C000002'")
    async with stage.house.database.begin() as connection:
        assert await identities.learn(connection, "email", [Learned(budi.id, "email", MAIL, "x")], stage.clock.now()) == 1
    dead = "SELECT evidence FROM suppressions WHERE kind = 'address' AND value = :mail"
    assert [row.evidence for row in await rows(stage.house.database, dead, mail=MAIL)] == ["letter of ***"]


async def test_after_a_restore_the_tombstones_are_set_again(stage: Stage, tmp_path: Path) -> None:
    customers = await known(stage, tmp_path)
    async with stage.house.database.begin() as connection:
        hashed = text(f"SELECT {erased.customer('n')} FROM unnest(ARRAY['C000001', 'C000009']) n")
        key, other = (await connection.execute(hashed)).scalars()
    stones = [forget.Stone(each, stage.clock.now(), "dewi", "CRM-1182") for each in (key, other)]
    assert [await forget_again(stage.house, stone, by="sari", now=stage.clock.now()) for stone in stones] == [True, False]
    assert await found(stage) == {}
    report = await load(stage.house.database, write(tmp_path / "again.csv", KENARI, BUDI | {"customer_no": "C000009"}))
    assert (report.inserted, report.rejected) == (0, 2)
    async with stage.house.database.begin() as connection:
        assert {stone.key for stone in await forget.stones(connection)} == {key, other}
    assert customers.exists()


async def test_a_file_cannot_name_what_is_left_of_a_forgotten_customer(stage: Stage, tmp_path: Path) -> None:
    await known(stage, tmp_path)
    await forgotten(stage)
    [left] = await rows(stage.house.database, "SELECT customer_no FROM people WHERE forgotten_at IS NOT NULL")
    report = await load(stage.house.database, write(tmp_path / "sly.csv", BUDI | {"customer_no": left.customer_no}))
    assert (report.inserted, report.updated, report.rejected) == (0, 0, 1)


async def test_everybody_forgotten_of_late_is_looked_at_again_and_a_pass_that_was_cut_short_goes_on(stage: Stage) -> None:
    people = [await person(stage.house.database, number) for number in range(5)]
    for number in range(5):
        await forgotten(stage, f"C{number:06}")
    now = stage.clock.now()
    for each in people:
        await act(stage, LATE_WORDS, person=each, now=now, event=f"late-{each}")
    assert await keep_forgotten(stage.house, now, batch=2, batches=1) > 0
    assert await left(stage) == people[2:]
    await keep_forgotten(stage.house, now, batch=2, batches=1)
    assert await left(stage) == people[4:]
    await act(stage, LATE_WORDS, person=people[0], now=now, event="later still")
    await keep_forgotten(stage.house, now, batch=2)
    assert await left(stage) == people[:1]
    await keep_forgotten(stage.house, now, batch=2)
    assert await left(stage) == []


LATE_WORDS = "INSERT INTO interactions (event_id, person_id, kind, at, detail) VALUES (:event, :person, 'replied', :now, 'kenari')"


async def left(stage: Stage) -> list[int]:
    found = await rows(stage.house.database, "SELECT person_id FROM interactions WHERE detail = 'kenari' ORDER BY person_id")
    return [row.person_id for row in found]


async def test_one_person_who_cannot_be_erased_keeps_nobody_else_waiting(stage: Stage) -> None:
    people = [await person(stage.house.database, number) for number in range(3)]
    for number in range(3):
        await forgotten(stage, f"C{number:06}")
    now = stage.clock.now()
    for each in people:
        await act(stage, LATE_WORDS, person=each, now=now, event=f"late-{each}")
    guard = f"ALTER TABLE interactions ADD CONSTRAINT stubborn CHECK (person_id <> {people[0]} OR detail IS NOT NULL)"
    await act(stage, guard)
    with capture_logs() as log, pytest.raises(NotAllErased, match="1 "):
        await keep_forgotten(stage.house, now, batch=2)
    assert await left(stage) == people[:1]
    assert [line["person_id"] for line in log if line["event"] == "customer.not_erased_again"] == people[:1]
