"""Mail that comes back, applied: believed by its seal, in any order and number, and careful before an address is dropped."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import permutations

import pytest

from channels.email.bounces import read
from jobs.links import message_key
from jobs.receipts import apply_receipts
from store import receipts
from tests.channels import bounced
from tests.core.conftest import Stage
from tests.world import campaign, configure, environment, files, person, rows

NO_SUCH_USER = "550 5.1.1 User unknown"
FULL = "552 5.2.2 Mailbox full"


async def _sent(stage: Stage, number: int = 1) -> int:
    await person(stage.house.database, number)
    await configure(stage.house, files(campaign(channels="[email]")))
    await stage.until("2026-11-20 19:05")
    [row] = await rows(stage.house.database, "SELECT id FROM messages WHERE status = 'sent'")
    return int(row.id)


def _about(stage: Stage, raw: bytes, message: int, *, seal: str | None = None, to: str = "c000001@example.com") -> bytes:
    """A sample as if it were about this message."""
    key = message_key(message)
    sealed = stage.house.signer.seal(key) if seal is None else seal
    return (
        raw.replace(bounced.KEY.encode(), key.encode())
        .replace(bounced.SEAL.encode(), sealed.encode())
        .replace(bounced.TO.encode(), to.encode())
    )


async def _address(stage: Stage) -> str:
    [row] = await rows(stage.house.database, "SELECT value FROM addresses WHERE sort = 'email'")
    return str(row.value)


async def _come_in(stage: Stage, *mails: bytes, at: datetime | None = None) -> None:
    async with stage.house.database.begin() as connection:
        for raw in mails:
            await receipts.store(connection, "email", raw, at or stage.clock.now())
    while await apply_receipts(stage.house, at or stage.clock.now()):
        pass


async def _end(stage: Stage) -> tuple[str, str | None, list[tuple[str, str]]]:
    """(status, reason, what the suppression list says and by whom)."""
    [message] = await rows(stage.house.database, "SELECT status, reason FROM messages")
    listed = await rows(stage.house.database, "SELECT kind, source FROM suppressions WHERE lifted_at IS NULL ORDER BY kind")
    return message.status, message.reason, [(row.kind, row.source) for row in listed]


def _dated(raw: bytes, at: datetime) -> bytes:
    return f"Date: {format_datetime(at)}\n".encode() + raw


async def test_a_hard_bounce_fails_the_message_and_drops_the_address_tripled_and_shuffled(stage: Stage) -> None:
    message, to = await _sent(stage), await _address(stage)
    hard = _dated(_about(stage, bounced.report(NO_SUCH_USER, status="5.1.1"), message, to=to), stage.clock.now())
    delay = _about(stage, bounced.report("450 4.4.1 later", action="delayed", status="4.4.1"), message, to=to)
    away = _about(stage, bounced.mail("I am away", subject="Automatic reply: x", sender=to), message, to=to)
    for order in permutations([hard, delay, away]):
        await _come_in(stage, *order, hard)
    assert await _end(stage) == ("failed", "bounce:5.1.1:user_unknown", [("address", "bounce")])
    facts = await rows(stage.house.database, "SELECT kind, detail FROM interactions")
    assert [(row.kind, row.detail) for row in facts] == [("failed", "bounce:5.1.1:user_unknown")]


@pytest.mark.parametrize("reply", [FULL, "550 5.7.1 Message rejected as spam", "554 unhappy"])
async def test_another_bounce_fails_the_message_and_keeps_the_address(stage: Stage, reply: str) -> None:
    message, to = await _sent(stage), await _address(stage)
    await _come_in(stage, _about(stage, bounced.report(reply), message, to=to))
    status, _, listed = await _end(stage)
    assert (status, listed) == ("failed", [])


async def test_a_forged_bounce_changes_nothing(stage: Stage) -> None:
    message = await _sent(stage)
    forged = bounced.report(NO_SUCH_USER, status="5.1.1")
    await _come_in(stage, _about(stage, forged, message, seal="aaaaaaaaaa", to="someone@example.net"))
    await _come_in(stage, _about(stage, forged, message + 1, to=await _address(stage)))
    assert await _end(stage) == ("sent", None, [])


async def test_who_knows_the_address_but_no_seal_drops_nobody(stage: Stage) -> None:
    message, to = await _sent(stage), await _address(stage)
    await _come_in(stage, _about(stage, bounced.report(NO_SUCH_USER, status="5.1.1"), message, seal="aaaaaaaaaa", to=to))
    assert await _end(stage) == ("failed", "bounce:5.1.1:user_unknown", [])


async def test_a_seal_alone_proves_it_and_another_recipient_in_it_keeps_the_address(stage: Stage) -> None:
    message = await _sent(stage)
    await _come_in(stage, _about(stage, bounced.report(NO_SUCH_USER, status="5.1.1"), message, to="forwarded@elsewhere.example"))
    assert await _end(stage) == ("failed", "bounce:5.1.1:user_unknown", [])
    unnamed = _about(stage, bounced.mail("550 5.1.1 The user does not exist.", subject="Undeliverable"), message)
    assert not read(unnamed).findings[0].recipient
    await _come_in(stage, unnamed, at=stage.clock.now() + timedelta(minutes=1))
    assert (await _end(stage))[2] == [("address", "bounce")]


async def test_a_message_that_was_read_stays_read_and_keeps_its_address(stage: Stage) -> None:
    message, to = await _sent(stage), await _address(stage)
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET status = 'read', delivered_at = sent_at, read_at = sent_at")
    await _come_in(stage, _about(stage, bounced.report(NO_SUCH_USER, status="5.1.1"), message, to=to))
    assert await _end(stage) == ("read", None, [])


async def test_a_delivery_status_of_success_delivers(stage: Stage) -> None:
    message, to = await _sent(stage), await _address(stage)
    await _come_in(stage, _about(stage, bounced.report("250 2.1.5 ok", action="delivered", status="2.1.5"), message, to=to))
    assert (await _end(stage))[0] == "delivered"


async def test_a_complaint_ends_offers_by_mail_and_leaves_the_message(stage: Stage) -> None:
    message, to = await _sent(stage), await _address(stage)
    await _come_in(stage, *[_about(stage, bounced.complaint(), message, to=to)] * 3)
    assert await _end(stage) == ("sent", None, [("complaint", "report")])


async def test_a_mail_to_the_unsubscribe_address_ends_offers_from_whatever_address_it_comes(stage: Stage) -> None:
    message = await _sent(stage)
    letter = bounced.mail(
        "", subject="unsubscribe", sender="home@example.net", to=f"unsubscribe+{bounced.KEY}-{bounced.SEAL}@bounce.example.com"
    )
    await _come_in(stage, _about(stage, letter, message, seal="aaaaaaaaaa"))
    assert (await _end(stage))[2] == []
    await _come_in(stage, _about(stage, letter, message))
    assert await _end(stage) == ("sent", None, [("opt_out", "mail")])


async def test_a_reply_of_the_customer_is_kept(stage: Stage) -> None:
    message, to = await _sent(stage), await _address(stage)
    answer = {"subject": "Re: Halo", "to": "kabar@example.com", "in_reply_to": f"<{bounced.KEY}@example.com>"}
    reply, stranger = bounced.mail("Saya hadir.", sender=to, **answer), bounced.mail("Beli!", sender="x@example.net", **answer)
    await _come_in(stage, _about(stage, reply, message), _about(stage, stranger, message))
    kept = await rows(stage.house.database, "SELECT kind, detail, person_id FROM interactions")
    assert [(row.kind, row.detail) for row in kept] == [("replied", "Saya hadir.")]


async def _full_on(stage: Stage, message: int, to: str, *days: int) -> None:
    for day in days:
        at = stage.clock.now() + timedelta(days=day)
        await _come_in(stage, _dated(_about(stage, bounced.report(FULL, status="5.2.2"), message, to=to), at), at=at)


async def _more(stage: Stage, message: int, number: int) -> list[int]:
    """As many more messages to the same address, sent like the first."""
    made = """WITH made AS (
                INSERT INTO messages (run_id, person_id, event_ref, channel, category, variant, window_key, status, queued_at, expires_at)
                SELECT run_id, person_id, n, channel, category, variant, window_key, 'sent', queued_at, expires_at
                FROM messages, generate_series(1, %(number)s) AS n WHERE id = %(message)s RETURNING id)
              INSERT INTO attempts (message_id, address_id, at, outcome)
              SELECT made.id, t.address_id, t.at, 'sent' FROM made, attempts t WHERE t.message_id = %(message)s"""
    async with stage.house.database.begin() as connection:
        await connection.exec_driver_sql(made, {"message": message, "number": number})
    return [int(row.id) for row in await rows(stage.house.database, "SELECT id FROM messages ORDER BY id")]


@pytest.mark.parametrize(
    ("days", "opened", "dropped"), [((0, 4, 8, 12, 15), None, True), ((0, 1, 2, 3, 4), None, False), ((0, 4, 8, 12, 15), 10, False)]
)
async def test_a_mailbox_full_for_weeks_ends_the_address_unless_something_arrived(
    stage: Stage, days: tuple[int, ...], opened: int | None, dropped: bool
) -> None:
    first, to = await _sent(stage), await _address(stage)
    with environment({"KABAR_EMAIL__BOUNCE_SOFT_TIMES": "5", "KABAR_EMAIL__BOUNCE_SOFT_DAYS": "14"}):
        messages = await _more(stage, first, 4)
        if opened is not None:
            async with stage.house.database.begin() as connection:
                at = stage.clock.now() + timedelta(days=opened)
                await receipts.remember(connection, [receipts.Fact("opened", "read", at, messages[0])], at)
        for message, day in zip(messages, days, strict=True):
            await _full_on(stage, message, to, day)
    listed = await rows(stage.house.database, "SELECT code FROM suppressions")
    assert [row.code for row in listed] == (["soft_repeated"] if dropped else [])


async def test_one_message_that_comes_back_often_is_one_failure(stage: Stage) -> None:
    message, to = await _sent(stage), await _address(stage)
    await _full_on(stage, message, to, 0, 4, 8, 12, 15, 19)
    assert (await _end(stage))[2] == []
