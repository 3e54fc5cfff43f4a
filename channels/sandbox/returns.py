"""Mails that the sandbox took and then sends back: a bounce as Postfix writes one, or a complaint, by LMTP or into a maildir."""

from __future__ import annotations

import asyncio
import secrets
import smtplib
from contextlib import suppress
from pathlib import Path

DOMAIN = "sandbox.kabar"
COMPLAINT = "complaint"
_PATIENCE = 10.0

_BOUNCE = """\
From: MAILER-DAEMON@{domain} (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_sandbox"

--=_sandbox
Content-Type: text/plain; charset=utf-8

This is the mail system at host {domain}.

Your message could not be delivered to one or more recipients.

<{recipient}>: host mx.{domain}[192.0.2.25] said: {reply} (in reply to
    RCPT TO command)

--=_sandbox
Content-Type: message/delivery-status

Reporting-MTA: dns; {domain}

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {reply}

--=_sandbox
Content-Type: text/rfc822-headers

{headers}
--=_sandbox--
"""
_COMPLAINT = """\
From: feedback@{domain}
To: {to}
Subject: complaint about a message
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_sandbox"

--=_sandbox
Content-Type: text/plain; charset=utf-8

This is an email abuse report for a message received by a customer of {domain}.

--=_sandbox
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Sandbox/1
Version: 1
Original-Rcpt-To: <{recipient}>

--=_sandbox
Content-Type: text/rfc822-headers

{headers}
--=_sandbox--
"""


def written(kind: str, *, to: str, recipient: str, head: bytes) -> bytes:
    """kind: an SMTP reply such as `550 5.1.1 User unknown`, or `complaint`. to: the return path. head: the headers of what comes back."""
    words = kind.split(" ")
    status = words[1] if len(words) > 1 and words[1].count(".") == 2 else f"{kind[0]}.0.0"
    headers = head.decode("ascii", "replace").replace("\r\n", "\n").strip()
    mail = (_COMPLAINT if kind == COMPLAINT else _BOUNCE).format(
        domain=DOMAIN, to=to, recipient=recipient, reply=kind, status=status, headers=headers
    )
    return mail.replace("\n", "\r\n").encode()


class Returns:
    """Where returned mails go: `host:port` of an LMTP server, a maildir, or nowhere, where they are lost as mail is."""

    def __init__(self, target: str | None = None) -> None:
        self.target = target
        self._under_way: set[asyncio.Task[None]] = set()

    def send_back(self, kind: str, *, to: str, recipient: str, head: bytes) -> None:
        """Soon after, as a provider would; a target that does not answer gets nothing."""
        if self.target is None:
            return
        mail = written(kind, to=to, recipient=recipient, head=head)
        task = asyncio.create_task(asyncio.to_thread(_hand_over, self.target, to, mail))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """All that was sent back has arrived or failed."""
        await asyncio.gather(*self._under_way, return_exceptions=True)


def _hand_over(target: str, to: str, mail: bytes) -> None:
    host, colon, port = target.rpartition(":")
    if not (colon and port.isdecimal()):
        _into_maildir(Path(target), mail)
        return
    with suppress(OSError, smtplib.SMTPException), smtplib.LMTP(host, int(port), local_hostname=DOMAIN) as client:
        if client.sock is not None:
            client.sock.settimeout(_PATIENCE)
        client.sendmail("", [to], mail)


def _into_maildir(directory: Path, mail: bytes) -> None:
    name = f"{secrets.token_hex(8)}.sandbox"
    with suppress(OSError):
        (directory / "tmp" / name).write_bytes(mail)
        (directory / "tmp" / name).rename(directory / "new" / name)
