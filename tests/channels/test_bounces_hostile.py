"""No bytes make the reader of returned mail raise or hang."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email.bounces import Reading, read
from channels.email.bounces.letter import LARGEST
from tests.channels import bounced

WORDS = [
    b"Content-Type: multipart/report; boundary=b\n",
    b"Content-Type: message/delivery-status\n",
    b"Content-Type: message/rfc822\n",
    b"Content-Type: text/plain; charset=utf-7\n",
    b"Content-Type: text/html; charset=punycode\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: uuencode\n",
    b"Subject: =?utf-8?b?////?= =?x?q?=zz?=\n",
    b"From: \xff\xfe<>\n",
    b"To: bounce+kabar-999999999999999999-aaaaaaaaaa@x\n",
    b"Date: 99 Foo 99999 99:99:99 +9999\n",
    b"--b\n",
    b"--b--\n",
    b"\n",
    b"\r",
    b"\0",
    b"Final-Recipient: rfc822; ;;;\nAction: failed\nStatus: 5.999.999\n",
    b"550 5.1.1 <a@b> user unknown\n",
    b"\xe3\x81\x82\xff\n",
    b"Content-Type: multipart/report; boundary*=utf-8''%FF; boundary*0=b\n",
    b"Content-Type: text/plain; charset*=x'y'%ff\n",
    b"Subject: =?utf-8?b?a?=\n",
]


@given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=40), max_size=30).map(b"".join))
@settings(max_examples=150)
def test_any_bytes_are_read(raw: bytes) -> None:
    assert isinstance(read(raw), Reading)


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: multipart/report; boundary*=utf-8''%FF;\n boundary*0=b",
        b"Subject: =?utf-8?b?a?=",
    ],
)
def test_what_pythons_own_reader_chokes_on_is_read_for_its_words(header: bytes) -> None:
    [finding] = read(b"From: MAILER-DAEMON@example.com\n" + header + b"\n\n\xff\n<a@example.com>: 550 5.1.1 user unknown\n").findings
    assert (finding.recipient, finding.status) == ("a@example.com", "5.1.1")


def test_a_real_shape_with_bytes_lost_and_doubled_is_read() -> None:
    chance = Random(7)
    shapes = [bounced.postfix("550 5.1.1 gone"), bounced.complaint(), bounced.exim("gone"), bounced.report("x", action="delayed")]
    for turn in range(200):
        raw = bytearray(shapes[turn % len(shapes)])
        for _ in range(chance.randrange(1, 12)):
            at = chance.randrange(len(raw))
            raw[at : at + chance.randrange(20)] = chance.randbytes(chance.randrange(12)) * chance.randrange(3)
        assert isinstance(read(bytes(raw)), Reading)


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n" * 8000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(5000)),
        b"Content-Type: message/rfc822\n\n" * 9000,
        b"Subject: " + b"=?utf-8?q?a?= " * 18_000,
        b"X: y\n" * 60_000,
        b"From: mailer-daemon\nSubject: undeliverable\n\n" + b"a-" * 120_000,
        b"From: mailer-daemon\nSubject: undeliverable\n\n" + b"<" * 240_000,
        b"From: mailer-daemon\nSubject: undeliverable\n\n" + b"user " * 50_000,
        b"From: mailer-daemon\nSubject: undeliverable\n\n" + b"a@" * 120_000,
        b"From: mailer-daemon\nSubject: undeliverable\n\n" + b"x." * 120_000,
        b"From: mailer-daemon\nContent-Type: text/html\n\n" + b"<style>" * 35_000,
        b"From: (" * 40_000 + b"\n\n",
        b"From: " + b'"\\' * 100_000 + b"\nSubject: undeliverable\n\n",
        b"Content-Type: text/plain; " + b"a*0=b;" * 40_000 + b"\n\nundeliverable",
        bounced.report("550 gone") + b"x" * (20 * LARGEST),
    ],
    ids=lambda raw: f"{len(raw)} of {raw[:12]!r}",
)
def test_a_mail_made_to_be_slow_is_not(raw: bytes) -> None:
    started = time.process_time()
    read(raw)
    assert time.process_time() - started < 2.0
