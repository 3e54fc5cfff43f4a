"""SMTP connections: kept, replaced, encrypted and signed."""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from channels.base import Retry, Sent, SlowDown, StopChannel
from channels.email.settings import Security
from channels.email.smtp import SmtpAdapter
from tests.channels import samples
from tests.channels.servers import Odd, smtp_server

MAIL = samples.envelope(samples.EMAIL, samples.MAILBOX)


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_file(key: RSAPrivateKey, tmp_path: Path) -> Path:
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


@pytest.fixture
def certificate(key: RSAPrivateKey, tmp_path: Path) -> Path:
    """Its own authority, for 127.0.0.1."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "odd.example")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(built.public_bytes(Encoding.PEM))
    return file


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


async def test_a_server_without_starttls_stops_the_channel_and_gets_nothing() -> None:
    async with smtp_server(Odd.NOTHING) as server:
        settings = samples.email_settings(server.port, security=Security.STARTTLS)
        async with samples.running(SmtpAdapter(settings)) as smtp:
            outcome = await smtp.send(MAIL)
    assert isinstance(outcome, Retry)
    assert outcome.signal == StopChannel("setup")
    assert server.requests == []


async def test_tls_is_verified(certificate: Path, key_file: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key_file)
    async with smtp_server(Odd.NOTHING, context) as server:
        known = samples.email_settings(server.port, security=Security.TLS, ca_file=certificate)
        async with samples.running(SmtpAdapter(known)) as smtp:
            assert isinstance(await smtp.send(MAIL), Sent)
        stranger = samples.email_settings(server.port, security=Security.TLS)
        async with samples.running(SmtpAdapter(stranger)) as smtp:
            assert await smtp.send(MAIL) == Retry("tls_certificate", signal=SlowDown(timedelta(minutes=5)))


async def test_a_signature_holds_under_rfc_6376(key: RSAPrivateKey, key_file: Path) -> None:
    async with smtp_server(Odd.NOTHING) as server:
        settings = samples.email_settings(server.port, dkim_key_file=key_file, dkim_selector="s1")
        async with samples.running(SmtpAdapter(settings)) as smtp:
            assert isinstance(await smtp.send(MAIL), Sent)
    verify_dkim(server.requests[0].removesuffix(b".\r\n"), key)


async def test_a_key_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.pem"
    file.write_text("no key")
    with pytest.raises(ValueError, match=r"bad\.pem is not a private key"):
        await SmtpAdapter(samples.email_settings(1, dkim_key_file=file, dkim_selector="s1")).start()


def verify_dkim(data: bytes, key: RSAPrivateKey) -> None:
    """RFC 6376 6.1, written from the text and not from the signer."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = re.split(rb"\r\n(?![ \t])", head)
    headers = {line.partition(b":")[0].strip().lower(): line.partition(b":")[2] for line in lines}
    raw = headers[b"dkim-signature"]
    tags = {k.strip(): re.sub(rb"\s", b"", v) for k, _, v in (tag.partition(b"=") for tag in raw.split(b";"))}
    assert (tags[b"a"], tags[b"c"], tags[b"d"], tags[b"s"]) == (b"rsa-sha256", b"relaxed/relaxed", b"example.com", b"s1")
    canonical_body = b"\r\n".join(re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")).rstrip(b"\r\n") + b"\r\n"
    assert b64decode(tags[b"bh"]) == sha256(canonical_body).digest()
    assert {b"from", b"to", b"subject", b"date", b"message-id", b"list-unsubscribe", b"list-unsubscribe-post"} <= set(
        tags[b"h"].split(b":")
    )

    def relaxed(name: bytes, value: bytes) -> bytes:
        return name + b":" + re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip()

    signed = [relaxed(name, headers[name]) + b"\r\n" for name in tags[b"h"].split(b":")]
    own = relaxed(b"dkim-signature", re.sub(rb"(;\s*b=)[^;]*", rb"\1", raw))
    key.public_key().verify(b64decode(tags[b"b"]), b"".join(signed) + own, PKCS1v15(), SHA256())
