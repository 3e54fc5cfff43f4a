"""Mail that comes back, judged: the shapes of many servers, and the traps between hard and soft."""

from __future__ import annotations

import pytest

from channels.email.bounces import Grade, Sort, read
from tests.channels.bounced import KEY, OURS, SEAL, TO, complaint, exim, mail, parts, postfix, qmail, report, sendmail

HARD = {
    "user unknown, at RCPT": postfix(
        f"550 5.1.1 <{TO}>: Recipient address rejected: User unknown in virtual mailbox table", status="5.1.1"
    ),
    "at RCPT without a status": postfix(f"550 <{TO}>: User unknown"),
    "gmail's words, over four lines": postfix(
        "550-5.1.1 The email account that you tried to reach does not exist. Please try 550 5.1.1 again"
    ),
    "a hotmail reply that says little, at RCPT": postfix("550 Requested action not taken: mailbox unavailable"),
    "a bare 5.1.1": report("", status="5.1.1", said="Delivery to the following recipients failed."),
    "a letterhead about viruses beside a bare 5.1.1": report("", status="5.1.1", said="Failed.\n\nThis mail was scanned for all viruses."),
    "exim after RCPT": exim(
        f"SMTP error from remote mail server after RCPT TO:<{TO}>:\n    host mx.example.net [192.0.2.7]: 550 no such user here"
    ),
    "exim, the domain is not there": exim("all relevant MX records point to non-existent hosts: no such domain"),
    "exim, its own users": exim("Unrouteable address"),
    "qmail, its own users": qmail("Sorry, no mailbox here by that name. (#5.1.1)"),
    "qmail, refused at RCPT": qmail("192.0.2.7 does not like recipient.\nRemote host said: 550 unknown user\nGiving up on 192.0.2.7."),
    "qmail, no such host": qmail("Sorry, I couldn't find any host named exampel.net. (#5.1.2)"),
    "sendmail, pipelined": sendmail(
        "DATA",
        f"<<< 550 5.1.1 <{TO}>... User unknown\n550 5.1.1 <{TO}>... User unknown\n<<< 503 5.0.0 Need RCPT",
        "550 5.1.1 User unknown",
        status="5.1.1",
    ),
    "exchange online": report("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", status="5.1.10"),
    "exchange online, the directory at the edge": postfix(
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", status="5.4.1"
    ),
    "exchange 5.5": mail(
        "Your message\n\n  To:      someone@example.com\n  Subject: spam\n\ndid not reach the following recipient(s):\n\n"
        f"{TO} on Fri, 20 Nov 2026\n    The recipient name is not recognized\n",
        subject="Undeliverable: spam",
    ),
    "domino": mail(
        f"Your message\n\n  Subject: News\n\nwas not delivered to:\n\n  {TO}\n\nbecause:\n\n"
        f"  User sari ({TO}) not listed in Domino Directory\n",
        subject="DELIVERY FAILURE: User sari not listed in Domino Directory",
    ),
    "moved": postfix("551 5.1.6 Recipient no longer on server", status="5.1.6"),
    "null MX": report("556 5.1.10 Recipient domain has null MX", status="5.1.10"),
    "notes, in japanese": mail(
        f"------- Failure Reasons --------\n\nディレクトリのリストにありません\n{TO}\n", subject="Undeliverable message"
    ),
    "japanese": postfix("550 宛先のメールアドレスが見つかりませんでした"),
    "indonesian": postfix("550 Pengguna tidak ditemukan di server ini"),
    "german": postfix("550 Der Empfänger ist unbekannt"),
    "portuguese": postfix("550 O usuário não existe neste servidor"),
    "french": postfix("550 L'adresse n'existe pas"),
}
SOFT = {
    "full, though the code says 5.1.1": (postfix("550 5.1.1 user over quota (#5.1.1)", status="5.1.1"), "mailbox_full"),
    "full, in indonesian": (report("552 Kotak masuk penuh"), "mailbox_full"),
    "full, in french": (report("550 La boîte du destinataire est pleine"), "mailbox_full"),
    "disabled": (postfix("550 5.2.1 The email account that you tried to reach is disabled.", status="5.2.1"), "disabled"),
    "user unknown after the mail was read": (postfix("550 Unknown user", "end of DATA"), "user_unknown"),
    "nothing but a sentence": (
        mail(f"Pesan tidak dapat dikirim ke:\n\n<{TO}>:\nPengguna tidak ditemukan.\n", subject="Gagal"),
        "user_unknown",
    ),
    "no such account, after the mail was read": (
        postfix("554 delivery error: This user doesn't have an example.net account", "end of DATA"),
        "user_unknown",
    ),
    "m-FILTER's word for the moment": (
        mail(
            f"以下のメールアドレスへの送信に失敗しました。\n{TO}\n\n-------server message\n550 unknown user\n\n-------SMTP command\nDATA\n"
        ),
        "user_unknown",
    ),
    "user unknown at no known moment": (mail(f"<{TO}>:\nRemote host said: 550 no such user\n", subject="failure notice"), "user_unknown"),
    "our sender's domain": (postfix("550 5.1.8 Domain of sender address kabar@example.com does not exist", status="5.1.8"), "sender"),
    "a callout that failed": (
        exim("550-Verification failed for <kabar@example.com>\n    550 No such person at this address. Sender verify failed"),
        "sender",
    ),
    "refused at MAIL": (
        exim("SMTP error from remote mail server after MAIL FROM:<x@example.com>:\n    550 5.1.7 No such domain"),
        "sender",
    ),
    "spam": (postfix("554 5.7.1 Message rejected as spam by content filter", "end of DATA", status="5.7.1"), "spam"),
    "SPF, with sendmail's own reading of it": (
        sendmail("DATA", f"<<< 553 SPF check failed\n550 5.1.1 <{TO}>... User unknown", "553 SPF check failed", status="5.1.1"),
        "authentication",
    ),
    "relaying": (postfix(f"550 5.7.1 <{TO}>: Relay access denied", status="5.7.1"), "relay"),
    "greylisted": (postfix(f"450 4.2.0 <{TO}>: Recipient address rejected: Greylisted", status="4.2.0"), "rate"),
    "unknown, but for now": (postfix(f"450 4.1.1 <{TO}>: User unknown in local recipient table", status="4.1.1"), "user_unknown"),
    "too large": (report("552 5.3.4 Message size exceeds fixed limit", status="5.3.4"), "too_large"),
    "given up after days": (report("", status="4.4.7", said=f"<{TO}>: connect to mx.example.net: Connection timed out"), "expired"),
    "our own words in what came back": (report("550 Requested mail action not taken"), None),
    "a list of guesses about addresses": (
        mail(f"An error was found. Software like LISTSERV may act on incorrect addresses.\n{TO}\n554 message looping\n"),
        "loop",
    ),
    "a forwarding loop": (report("554 5.4.6 Too many hops", status="5.4.6"), "loop"),
}


@pytest.mark.parametrize("shape", HARD)
def test_an_address_that_is_gone_is_hard(shape: str) -> None:
    reading = read(HARD[shape])
    assert (reading.sort, reading.grade) == (Sort.BOUNCE, Grade.HARD), reading
    assert (reading.key, reading.seal) == (KEY, SEAL)
    assert {finding.recipient for finding in reading.findings} == {TO}


@pytest.mark.parametrize("shape", SOFT)
def test_whatever_else_is_said_is_not(shape: str) -> None:
    raw, reason = SOFT[shape]
    reading = read(raw)
    assert reading.sort is Sort.BOUNCE
    assert reading.grade is (Grade.SOFT if reason else Grade.UNDETERMINED), reading
    assert reason is None or reading.findings[0].judgement.reason == reason


OTHERS = {
    "being tried": (report("450 4.4.1 Connection timed out", action="delayed", status="4.4.1"), Sort.DELAY),
    "being tried, in words": (
        mail(f"Your message to {TO} has not yet been delivered.\nDelivery attempts will continue.\n", subject="Warning: message delayed"),
        Sort.DELAY,
    ),
    "arrived": (report("250 2.1.5 ok", action="delivered", status="2.1.5"), Sort.DELIVERED),
    "a complaint": (complaint(), Sort.COMPLAINT),
    "no complaint": (complaint("not-spam"), Sort.AUTO_REPLY),
    "out of office": (
        mail("I am on leave until Monday.", subject="Automatic reply: News", sender=TO, auto_submitted="auto-replied"),
        Sort.AUTO_REPLY,
    ),
    "sedang cuti": (mail("Saya sedang cuti.", subject="Balasan otomatis: Kabar", sender=TO), Sort.AUTO_REPLY),
    "a challenge": (
        mail("Click the link to be added to my approved senders list and verify that you are human.", subject="Re: News", sender=TO),
        Sort.CHALLENGE,
    ),
    "a person": (
        mail(
            "Terima kasih, saya hadir.",
            subject="Re: Live trading",
            sender=f"Sari <{TO}>",
            to="kabar@example.com",
            in_reply_to=f"<{KEY}@example.com>",
        ),
        Sort.REPLY,
    ),
    "unsubscribing": (mail("", subject="unsubscribe", sender=TO, to=f"unsubscribe+{KEY}-{SEAL}@bounce.example.com"), Sort.UNSUBSCRIBE),
    "an absence at the unsubscribe address": (
        mail("", subject="Automatic reply: x", sender=TO, to=f"unsubscribe+{KEY}-{SEAL}@bounce.example.com"),
        Sort.AUTO_REPLY,
    ),
}


@pytest.mark.parametrize("shape", OTHERS)
def test_what_is_no_bounce_is_told_apart(shape: str) -> None:
    raw, sort = OTHERS[shape]
    reading = read(raw)
    assert (reading.sort, reading.key) == (sort, KEY)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (report("550 5.1.1 gone", to="kabar@example.com"), (KEY, SEAL)),  # from the headers that were returned
        (exim("550 gone").replace(SEAL.encode() + b"@", b"@").replace(b"bounce+kabar-42-@", b"kabar@"), (KEY, SEAL)),  # from plain text
        (mail("x", to="kabar@example.com", in_reply_to=f"<{KEY}@example.com>"), (KEY, None)),
        (mail("x", to=f"BOUNCE+{KEY.upper()}-{SEAL.upper()}@EXAMPLE.COM"), (KEY, SEAL)),
        (mail("x", to="somebody@example.com", x_original_to=f"bounce+{KEY}-{SEAL}@bounce.example.com"), (KEY, SEAL)),
        (mail("kabar-42", to="kabar@example.com"), (None, None)),
    ],
)
def test_the_message_is_found_by_where_it_came_to_or_by_what_it_returns(raw: bytes, expected: tuple[str | None, str | None]) -> None:
    reading = read(raw)
    assert (reading.key, reading.seal) == expected


def test_of_several_recipients_all_must_be_gone() -> None:
    fields = "Final-Recipient: rfc822; {}\nAction: failed\nStatus: {}\nDiagnostic-Code: smtp; {}\n"
    both = (
        fields.format("a@example.net", "5.1.1", "550 5.1.1 user unknown")
        + "\n"
        + fields.format("b@example.net", "5.2.2", "552 5.2.2 full mailbox")
    )
    reading = read(
        parts(("text/plain", "Two failed."), ("message/delivery-status", "Reporting-MTA: dns; x\n\n" + both), ("text/rfc822-headers", OURS))
    )
    assert [finding.judgement.grade for finding in reading.findings] == [Grade.HARD, Grade.SOFT]
    assert reading.grade is Grade.SOFT
