"""The contract's other half: what is wrong on the way to a provider, and what must never be told of a message."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop
from cryptography.x509 import DNSName
from pydantic import SecretStr

from channels.base import Outcome, PopupItem, Ports, Retry, Sent
from channels.email.settings import Security
from channels.email.smtp import SmtpAdapter
from channels.popup.settings import PopupSettings
from channels.registry import CHANNELS
from channels.sandbox.faults import Rule
from channels.sandbox.server import Sandbox
from channels.signals import SlowDown, StopChannel
from tests.channels import samples
from tests.channels.certificates import Authority
from tests.channels.mailserver import MailServer, mail_server
from tests.channels.servers import Odd, http_answer, http_server
from tests.channels.test_contract import ROWS, Place, adapter_for

NETWORKED = [name for name, row in ROWS.items() if row.address is not None]
HTTP = [name for name in NETWORKED if name != "email"]
PASSWORD = "hunter22-of-the-relay"


def place(port: int, sandbox: Sandbox, tmp_path: Path) -> Place:
    return Place(port, 20, tmp_path, sandbox)


async def sent_to(name: str, where: Place) -> Outcome:
    row = ROWS[name]
    async with samples.running(adapter_for(name, row.settings(where))) as adapter:
        return await adapter.send(samples.envelope(row.content, row.address))


# --- who is at the other end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HTTP)
async def test_an_endpoint_nobody_vouches_for_gets_nothing(name: str, sandbox: Sandbox, tmp_path: Path, authority: Authority) -> None:
    async with http_server(Odd.NOTHING, http_answer("200 OK", b"{}"), authority.server()) as served:
        outcome = await sent_to(name, replace(place(served.port, sandbox, tmp_path), scheme="https"))
    assert outcome == Retry("tls")
    assert served.requests == []


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize("wrong", ["authority", "name", "expired", "nothing"])
async def test_a_mail_server_is_who_it_says_or_gets_nothing(
    wrong: str, security: Security, sandbox: Sandbox, tmp_path: Path, authority: Authority
) -> None:
    shown = authority.server(DNSName("mail.elsewhere.example") if wrong == "name" else None, days=-1 if wrong == "expired" else 1)
    server = MailServer(starttls=shown if security is Security.STARTTLS else None, offers=("AUTH PLAIN",))
    async with mail_server(server, shown if security is Security.TLS else None):
        known = None if wrong == "authority" else authority.file
        more = {"security": security, "ca_file": known, "username": "kabar", "password": PASSWORD}
        outcome = await sent_to("email", replace(place(server.port, sandbox, tmp_path), email=more))
    if wrong == "nothing":
        assert len(server.mails) == 1
    else:
        assert isinstance(outcome, Retry)
        assert (outcome.code, type(outcome.signal)) == ("tls_certificate", SlowDown)
        assert {line.split(" ")[0] for line in server.lines} <= {"EHLO", "STARTTLS"}


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_encrypted_mail_goes_on_the_loop_that_production_runs_on(security: Security, authority: Authority) -> None:
    shown = authority.server()

    async def two() -> list[Outcome]:
        server = MailServer(starttls=shown if security is Security.STARTTLS else None, offers=("PIPELINING",))
        async with mail_server(server, shown if security is Security.TLS else None):
            settings = samples.email_settings(server.port, security=security, ca_file=authority.file)
            async with samples.running(SmtpAdapter(settings)) as smtp:
                found = [await smtp.send(samples.envelope(samples.EMAIL, samples.MAILBOX)) for _ in range(2)]
        assert server.connections == 1
        return found

    assert [type(outcome) for outcome in uvloop.run(two())] == [Sent, Sent]


async def test_starttls_taken_out_on_the_way_stops_the_channel_before_a_password_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    server = MailServer(offers=("AUTH PLAIN",))
    async with mail_server(server):
        more = {"security": Security.STARTTLS, "username": "kabar", "password": PASSWORD}
        outcome = await sent_to("email", replace(place(server.port, sandbox, tmp_path), email=more))
    assert outcome.signal == StopChannel("setup")
    assert [line.split(" ")[0] for line in server.lines] == ["EHLO"]


@pytest.mark.parametrize("name", NETWORKED)
@pytest.mark.parametrize("host", ["provider.invalid", f"{'x' * 64}.invalid"])
async def test_a_name_that_leads_nowhere_means_retry(name: str, host: str, sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sent_to(name, replace(place(443, sandbox, tmp_path), host=host)) == Retry("dns")


@pytest.mark.parametrize("name", NETWORKED)
async def test_a_server_that_is_not_there_means_retry(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert await sent_to(name, place(port, sandbox, tmp_path)) == Retry("connect")


@pytest.mark.parametrize("name", [name for name in NETWORKED if ROWS[name].answer is None])
async def test_a_slow_answer_is_an_answer(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add(Rule.model_validate({"channel": name, "kind": "latency", "ms": 200}))
    port = sandbox.smtp_port if name == "email" else int(sandbox.base_url.rpartition(":")[2])
    assert isinstance(await sent_to(name, place(port, sandbox, tmp_path)), Sent)


# --- what nobody is to read -----------------------------------------------------------------------------------------


def private_words(name: str) -> Iterator[str]:
    """Of a sample: the address, and each of its words that is more than an identifier."""
    row = ROWS[name]
    if row.address is not None:
        yield row.address.value.lstrip("+")
    for text in re.findall(r'"([^"]*)"', json.dumps(row.content.model_dump(), ensure_ascii=False)):
        if not re.fullmatch(r"[a-z0-9_.-]*|.{1,2}", text):
            yield text


def told(outcome: Outcome) -> str:
    return " ".join((getattr(outcome, "code", ""), getattr(outcome, "detail", ""), str(outcome.signal), repr(outcome)))


@pytest.mark.parametrize("name", HTTP)
async def test_a_provider_that_says_everything_back_makes_nobody_else_hear_it(
    name: str, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with http_server(Odd.ECHO) as served:
        there = place(served.port, sandbox, tmp_path)
        outcome = await sent_to(name, there)
    [request] = served.requests
    kept = [value.get_secret_value() for _, value in ROWS[name].settings(there) if isinstance(value, SecretStr)]
    bearer = [found.decode() for found in re.findall(rb"authorization: bearer (\S+)", request, re.IGNORECASE)]
    assert any(secret.encode() in request for secret in [*kept, *bearer])
    secrets = [*kept, *bearer, *private_words(name)]
    assert len(secrets) > 2
    assert all(secret not in told(outcome) + caplog.text for secret in secrets), told(outcome)


@pytest.mark.parametrize("verb", ["RCPT", ".", "AUTH"])
async def test_a_mail_server_that_says_everything_back_makes_nobody_else_hear_it(
    verb: str, sandbox: Sandbox, tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    words = f"{samples.EMAIL.subject} <SARI@Example.com> sari@example.com".encode()
    answer = b"535 5.7.8 no" if verb == "AUTH" else b"550 5.7.1 " + words
    server = MailServer({verb: [answer] * 3}, ("AUTH PLAIN LOGIN",), authority.server())
    async with mail_server(server):
        more = {"security": Security.STARTTLS, "ca_file": authority.file, "username": "kabar", "password": PASSWORD}
        outcome = await sent_to("email", replace(place(server.port, sandbox, tmp_path), email=more))
    assert getattr(outcome, "code", "") == ("535 5.7.8" if verb == "AUTH" else "550 5.7.1")
    heard = (told(outcome) + caplog.text).lower()
    assert all(secret.lower() not in heard for secret in ["sari@", samples.EMAIL.subject, PASSWORD]), heard


async def test_a_store_that_quotes_the_popup_in_its_error_makes_nobody_else_hear_it() -> None:
    async def put(item: PopupItem) -> None:
        raise ValueError(f"not a row: {dict(item.content)}")

    row = ROWS["popup"]
    async with samples.running(CHANNELS["popup"].adapter(PopupSettings(), Ports(put_popup=put))) as adapter:
        outcome = await adapter.send(samples.envelope(row.content, None))
    assert not [word for word in private_words("popup") if word in told(outcome)]


@pytest.mark.parametrize("name", ROWS)
async def test_what_is_our_own_fault_is_said_without_the_message(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    row, other = ROWS[name], "popup" if name != "popup" else "push"
    async with samples.running(adapter_for(name, row.settings(place(1, sandbox, tmp_path)))) as adapter:
        with pytest.raises(TypeError) as raised:
            await adapter.send(samples.envelope(ROWS[other].content, row.address))
    assert not [word for word in (*private_words(name), *private_words(other)) if word in str(raised.value)]


async def test_no_send_outlives_its_deadline_however_the_answer_trickles(sandbox: Sandbox, tmp_path: Path) -> None:
    began = asyncio.get_running_loop().time()
    async with http_server(Odd.TRICKLE) as served:
        outcomes = [await sent_to(name, replace(place(served.port, sandbox, tmp_path), deadline=0.4)) for name in HTTP]
    assert {getattr(outcome, "code", "") for outcome in outcomes} == {"timeout"}
    assert asyncio.get_running_loop().time() - began < 10
