"""Commands on their way at once (RFC 2920): which replies they get, and what becomes of the connection."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channels.base import Outcome, Rejected, Retry, Sent, Unknown
from channels.email.smtp import SmtpAdapter
from channels.signals import SlowDown
from tests.channels import samples
from tests.channels.mailserver import HANG_UP, PIPELINING, MailServer, mail_server

MAIL = samples.envelope(samples.EMAIL, samples.MAILBOX)
INTRODUCTION = [f"MAIL FROM:<bounce+{samples.KEY}@bounce.example.com>", "RCPT TO:<sari@example.com>", "DATA"]
OFFERS = ((), (PIPELINING,))


async def send(server: MailServer, times: int = 1) -> list[Outcome]:
    async with mail_server(server), samples.running(SmtpAdapter(samples.email_settings(server.port))) as smtp:
        return [await smtp.send(MAIL) for _ in range(times)]


async def test_the_introduction_is_one_write_where_the_server_offers_it_and_else_waits_for_each_reply() -> None:
    for offers in OFFERS:
        server = MailServer(offers=offers)
        assert [type(outcome) for outcome in await send(server, 2)] == [Sent, Sent]
        assert server.lines[1:] == [*INTRODUCTION, *INTRODUCTION, "QUIT"]
        together = "".join(f"{line}\r\n" for line in INTRODUCTION)
        assert (together in server.writes) is (PIPELINING in offers)
        assert server.connections == 1


async def test_a_data_granted_to_a_refused_recipient_ends_with_a_lone_dot() -> None:
    server = MailServer({"RCPT": [b"550 5.1.1 User unknown"]}, (PIPELINING,))
    refused, sent = await send(server, 2)
    assert isinstance(refused, Rejected)
    assert refused.drop_address
    assert isinstance(sent, Sent)
    empty, mail = server.mails
    assert empty == b""
    assert b"Message-ID" in mail
    assert server.connections == 1


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
async def test_after_a_refusal_anywhere_the_connection_takes_the_next_mail(verb: str, offers: tuple[str, ...]) -> None:
    refusal = b"550-5.7.1 Not today,\r\n550 5.7.1 not tomorrow"
    # What a server says that keeps order: nothing after a refusal is granted.
    after = {"MAIL": {"RCPT": [b"503 5.5.1 MAIL first"], "DATA": [b"503 5.5.1 RCPT first"]}, "RCPT": {"DATA": [b"554 5.5.1 No recipients"]}}
    server = MailServer({verb: [refusal]} | (after.get(verb, {}) if offers else {}), offers)
    refused, sent = await send(server, 2)
    assert refused.signal is None or verb == "MAIL"
    assert getattr(refused, "code", "") == "550 5.7.1"
    assert isinstance(sent, Sent)
    assert (server.connections, server.lines.count("RSET")) == (1, 1)


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_that_breaks_before_the_mail_leaves_no_doubt(verb: str, offers: tuple[str, ...]) -> None:
    server = MailServer({verb: [HANG_UP]}, offers)
    assert await send(server) == [Retry("connection_lost")]
    assert server.mails == []


async def test_a_connection_that_breaks_after_the_dot_leaves_doubt() -> None:
    assert await send(MailServer({".": [HANG_UP]}, (PIPELINING,))) == [Unknown("connection_lost")]


async def test_a_reply_nobody_asked_for_costs_the_connection_and_no_mail() -> None:
    server = MailServer({".": [b"250 2.0.0 Ok\r\n421 4.4.2 Idle too long"]}, (PIPELINING,))
    assert [type(outcome) for outcome in await send(server, 2)] == [Sent, Sent]
    assert server.connections == 2


async def test_replies_are_told_apart_however_they_arrive() -> None:
    replies: dict[str, list[bytes]] = {
        "MAIL": [b"250-first\r\n250 2.1.0 Ok"],
        "RCPT": [b"250"],
        "DATA": [b"550-5.7.1 No\r\n550-\r\n550 5.7.1 never"],
    }
    for bytewise in (True, False):
        [outcome] = await send(MailServer(replies, (PIPELINING,), bytewise=bytewise))
        assert outcome == Rejected("550 5.7.1", detail="5.7.1 No 5.7.1 never")


async def test_what_follows_garbage_is_taken_for_no_reply() -> None:
    server = MailServer({"RCPT": [b"%% xyzzy"], "DATA": [b"550 5.1.1 No such user"]}, (PIPELINING,))
    assert await send(server) == [Retry("garbled_reply")]


async def test_who_asks_for_less_is_the_receiving_domain_after_rcpt_and_the_server_before() -> None:
    async def signal(verb: str, reply: bytes) -> object:
        [outcome] = await send(MailServer({verb: [reply]}, (PIPELINING,)))
        assert isinstance(outcome, Retry)
        return outcome.signal

    assert await signal("MAIL", b"421 4.3.2 Too busy") == SlowDown(timedelta(seconds=30))
    assert await signal("EHLO", b"421 4.3.2 Too busy") == SlowDown(timedelta(seconds=30))
    assert await signal("RCPT", b"421 4.7.0 Too much from you") == SlowDown(timedelta(seconds=5), "example.com")
    assert await signal(".", b"450 4.2.1 That mailbox gets too much") == SlowDown(timedelta(minutes=1), "example.com")
    assert await signal(".", b"454 4.7.0 Throttling: maximum sending rate exceeded") == SlowDown(timedelta(seconds=30))
    assert await signal("RCPT", b"450 4.2.2 Full") is None
