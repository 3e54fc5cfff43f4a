"""Mails that come back, written here in the shapes that servers give them. All names are invented."""

from __future__ import annotations

from email.header import Header

KEY, SEAL = "kabar-42", "abcdefgh23"
VERP = f"bounce+{KEY}-{SEAL}@bounce.example.com"
TO = "sari@example.net"
OURS = f"""\
From: Kabar <kabar@example.com>
To: {TO}
Subject: Your account was disabled by spam
Message-ID: <{KEY}@example.com>
X-Kabar-Key: {KEY}-{SEAL}
"""


def mail(
    text: str, *, subject: str = "Undelivered Mail Returned to Sender", sender: str = "MAILER-DAEMON@mx.example.org", **headers: str
) -> bytes:
    """Any mail; headers with `_` for `-`, and `to` for another return path than the one with our seal."""
    lines = {"from": sender, "to": VERP, "subject": Header(subject, "utf-8").encode() if not subject.isascii() else subject}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines.setdefault("content-type", "text/plain; charset=utf-8")
    return ("".join(f"{name}: {value}\n" for name, value in lines.items() if value) + "\n" + text).encode()


def parts(*written: tuple[str, str], kind: str = "multipart/report; report-type=delivery-status", **headers: str) -> bytes:
    """(content type, text) each."""
    text = "".join(f"--=b\nContent-Type: {part}\n\n{words}\n" for part, words in written)
    return mail(f"{text}--=b--\n", content_type=f'{kind}; boundary="=b"', **headers)


def report(diagnostic: str, *, status: str = "5.0.0", action: str = "failed", said: str = "", recipient: str = TO, **headers: str) -> bytes:
    """RFC 3464: words, fields, and the headers of what came back."""
    fields = f"Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
    fields += f"Diagnostic-Code: smtp; {diagnostic}\n" if diagnostic else ""
    return parts(("text/plain; charset=utf-8", said), ("message/delivery-status", fields), ("text/rfc822-headers", OURS), **headers)


def postfix(reply: str, command: str = "RCPT TO", *, status: str = "5.0.0") -> bytes:
    """As Postfix words it, with the command that was answered."""
    said = (
        "This is the mail system at host mx.example.org.\n\nI'm sorry to have to inform you that your message could not\nbe delivered.\n\n"
        f"<{TO}>: host mx.spamfilter.example[192.0.2.7] said: {reply} (in reply to\n    {command} command)\n"
    )
    return report(reply, status=status, said=said)


def exim(words: str) -> bytes:
    """No report at all: words, and the message behind a line."""
    said = (
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. "
        f"The following address(es) failed:\n\n  {TO}\n    {words}\n\n"
        f"------ This is a copy of the message, including all the headers. ------\n\n{OURS}\nBuy now\n"
    )
    return mail(said, subject="Mail delivery failed: returning message to sender", x_failed_recipients=TO)


def qmail(words: str) -> bytes:
    said = (
        "Hi. This is the qmail-send program at mx.example.org.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        f"This is a permanent error; I've given up. Sorry it didn't work out.\n\n<{TO}>:\n{words}\n\n"
        f"--- Below this line is a copy of the message.\n\n{OURS}\n"
    )
    return mail(said, subject="failure notice")


def sendmail(command: str, answers: str, reason: str, *, status: str) -> bytes:
    said = (
        f"The original message was received at Fri, 20 Nov 2026 19:00:00 +0700\nfrom localhost [127.0.0.1]\n\n"
        f"   ----- The following addresses had permanent fatal errors -----\n<{TO}>\n    (reason: {reason})\n\n"
        f"   ----- Transcript of session follows -----\n... while talking to mx.example.net.:\n>>> {command}\n{answers}\n"
    )
    return report(reason, status=status, said=said, subject="Returned mail: see transcript for details")


def complaint(kind: str = "abuse", **headers: str) -> bytes:
    """RFC 5965."""
    return parts(
        ("text/plain", "This is an email abuse report."),
        ("message/feedback-report", f"Feedback-Type: {kind}\nUser-Agent: Desk/1\nVersion: 1\n"),
        ("message/rfc822", OURS),
        kind="multipart/report; report-type=feedback-report",
        **headers,
    )
