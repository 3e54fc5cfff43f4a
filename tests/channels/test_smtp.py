"""SMTP connections: kept and replaced."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from channels.base import Retry, Sent, Unknown
from channels.email.smtp import SmtpAdapter
from tests.channels import samples
from tests.channels.mailserver import SAY_NOTHING, MailServer, mail_server
from tests.channels.servers import Odd, smtp_server

MAIL = samples.envelope(samples.EMAIL, samples.MAILBOX)


async def test_a_connection_is_used_again() -> None:
    async with smtp_server(Odd.NOTHING) as server, samples.running(SmtpAdapter(samples.email_settings(server.port))) as smtp:
        outcomes = [await smtp.send(MAIL) for _ in range(5)]
    assert outcomes == [Sent(f"{samples.KEY}@example.com")] * 5
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_no_more_connections_than_allowed() -> None:
    settings = samples.email_settings(1).model_copy(update={"concurrency": 3})
    async with smtp_server(Odd.NOTHING) as server:
        settings = settings.model_copy(update={"port": server.port})
        async with samples.running(SmtpAdapter(settings)) as smtp:
            outcomes = await asyncio.gather(*(smtp.send(MAIL) for _ in range(20)))
    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert server.connections <= 3


async def test_a_kept_connection_the_server_has_closed_costs_nothing() -> None:
    odd = Odd.DROP_AFTER_ANSWER
    async with smtp_server(odd) as server, samples.running(SmtpAdapter(samples.email_settings(server.port))) as smtp:
        outcomes = [await smtp.send(MAIL) for _ in range(4)]
    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert (server.connections, len(server.requests)) == (4, 4)


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "DATA"])
async def test_a_relay_that_falls_silent_before_the_mail_is_given_up_soon_and_the_mail_is_tried_later(verb: str) -> None:
    server = MailServer({verb: [SAY_NOTHING] * 9})
    async with mail_server(server), samples.running(SmtpAdapter(samples.email_settings(server.port, 600), introduction=0.2)) as smtp:
        assert await smtp.send(MAIL) == Retry("timeout")
    assert server.mails == []


async def test_a_relay_that_has_the_mail_is_waited_for_until_the_deadline() -> None:
    server, deadline, clock = MailServer({".": [SAY_NOTHING]}), 0.6, asyncio.get_running_loop().time
    async with mail_server(server), samples.running(SmtpAdapter(samples.email_settings(server.port, deadline), introduction=0.3)) as smtp:
        since = clock()
        assert await smtp.send(MAIL) == Unknown("timeout")
        assert clock() - since >= deadline
    assert len(server.mails) == 1


async def test_a_key_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.pem"
    file.write_text("no key")
    with pytest.raises(ValueError, match=r"bad\.pem is not a private key"):
        await SmtpAdapter(samples.email_settings(1, dkim_key_file=file, dkim_selector="s1")).start()
