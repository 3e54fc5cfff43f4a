"""Our signatures, judged by dkimpy: they hold after what relays do to a mail, and break when somebody changes it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from channels.base import Sent
from channels.email.dkim import Signer
from channels.email.mime import Letterhead
from channels.email.smtp import SmtpAdapter
from tests.channels import samples
from tests.channels.mailserver import PIPELINING, MailServer, mail_server

NOW = 1_790_000_000.0
UNSUBSCRIBE = ("list-unsubscribe", "list-unsubscribe-post")


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def key_file(key: RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("dkim") / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


@pytest.fixture(scope="module")
def judge(key: RSAPrivateKey) -> Callable[[bytes], bool]:
    """dkimpy's verdict, with the record that docs/channels/email.md tells to publish."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b64encode(public)

    def verified(mail: bytes) -> bool:
        asked: list[bytes] = []

        def dns(name: bytes, timeout: int = 5) -> bytes:
            asked.append(name)
            return record

        found = dkim.verify(mail, dnsfunc=dns)
        assert asked == [b"s1._domainkey.example.com."]
        return bool(found)

    return verified


def written(key_file: Path, unsubscribe: str | None = samples.LINK) -> bytes:
    head = Letterhead("Kabar Sekuritas — Resmi <kabar@example.com>", "bounce.example.com", Signer(key_file, "s1", "example.com"))
    return head.write(samples.envelope(samples.EMAIL, samples.MAILBOX, unsubscribe=unsubscribe), NOW).data


def signed_headers(mail: bytes) -> list[str]:
    found = re.search(rb"\bh=([^;]+);", mail)
    assert found is not None
    return re.sub(rb"\s", b"", found[1]).decode().split(":")


async def test_what_a_server_is_handed_verifies(key_file: Path, judge: Callable[[bytes], bool]) -> None:
    server = MailServer(offers=(PIPELINING,))
    async with mail_server(server):
        settings = samples.email_settings(server.port, dkim_key_file=key_file, dkim_selector="s1")
        async with samples.running(SmtpAdapter(settings)) as smtp:
            assert isinstance(await smtp.send(samples.envelope(samples.EMAIL, samples.MAILBOX)), Sent)
    assert judge(server.mails[0])


def test_every_header_is_covered_and_those_a_reader_acts_on_cannot_be_added(key_file: Path, judge: Callable[[bytes], bool]) -> None:
    mail = written(key_file)
    head = mail.partition(b"\r\n\r\n")[0]
    present = [line.partition(b":")[0].decode().lower() for line in re.split(rb"\r\n(?![ \t])", head)]
    signed = signed_headers(mail)
    assert set(present) - {"dkim-signature"} <= set(signed)
    assert set(UNSUBSCRIBE) <= set(signed)
    for name in ("from", "to", "subject", "date", "reply-to", *UNSUBSCRIBE, "content-type"):
        assert signed.count(name) == present.count(name) + 1
        assert not judge(name.encode() + b": x\r\n" + mail), name


def test_a_relay_may_refold_trace_and_blank(key_file: Path, judge: Callable[[bytes], bool]) -> None:
    head, _, body = written(key_file).partition(b"\r\n\r\n")
    lines = [re.sub(rb"\r\n[ \t]+", b" ", line) for line in re.split(rb"\r\n(?![ \t])", head)]
    refolded = b"\r\n".join(re.sub(rb", ", b",\r\n\t", re.sub(rb"^([\w-]+): ", rb"\1:   ", line)) for line in lines)
    received = b"Received: from a (b [127.0.0.1]) by c;\r\n\tMon, 21 Sep 2026 14:13:20 +0000\r\nX-Relay: 1\r\n"
    assert judge(received + refolded + b"\r\n\r\n" + body + b"\r\n\r\n")


@pytest.mark.parametrize(
    "change",
    [
        (rb"List-Unsubscribe-Post:[^\r]*\r\n", b""),
        (rb"List-Unsubscribe: <https://kabar", b"List-Unsubscribe: <https://thief"),
        (rb"Feedback-ID: live", b"Feedback-ID: dead"),
        (rb"(?<=\r\n\r\n)([A-Za-z0-9+/]{4})", b"AAAA"),
    ],
)
def test_a_changed_mail_does_not_verify(change: tuple[bytes, bytes], key_file: Path, judge: Callable[[bytes], bool]) -> None:
    mail = written(key_file)
    changed = re.sub(*change, mail, count=1)
    assert changed != mail
    assert not judge(changed)


def test_nobody_can_make_a_service_mail_into_one_to_leave(key_file: Path, judge: Callable[[bytes], bool]) -> None:
    mail = written(key_file, unsubscribe=None)
    assert judge(mail)
    assert not judge(b"List-Unsubscribe: <https://thief.example>\r\n" + mail)
