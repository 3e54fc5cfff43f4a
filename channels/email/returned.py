"""A mail that came back, as receipts: what it tells of a message of ours, to be believed or not by the house."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from channels.base import expect
from channels.email.bounces import Grade, Reading, Sort, read
from channels.email.settings import EmailSettings
from channels.incoming import Inbox, Patience, Receipt, ReceiptKind
from config.settings import ChannelSettings

# What is said of this mailbox and not of us: it counts against the address when it goes on.
ABOUT_THE_MAILBOX = frozenset({"mailbox_full", "disabled", "user_unknown", "host_unknown", "moved"})
_SLOW = timedelta(days=7)  # a date before that is a wrong clock

_KINDS = {
    Sort.BOUNCE: ReceiptKind.FAILED,
    Sort.DELIVERED: ReceiptKind.DELIVERED,
    Sort.COMPLAINT: ReceiptKind.COMPLAINED,
    Sort.UNSUBSCRIBE: ReceiptKind.OPTED_OUT,
    Sort.REPLY: ReceiptKind.REPLIED,
}


def receipts_of(raw: bytes, came: datetime) -> Sequence[Receipt]:
    """At most one fact. Delays, absences and challenges are none, and neither is a mail that names no message of ours."""
    reading = read(raw)
    kind = _KINDS.get(reading.sort)
    if kind is None or reading.key is None:
        return []
    about = Receipt(kind, _dated(reading.date, came), reading.key, seal=reading.seal)
    return [_told(about, reading)]


def _told(about: Receipt, reading: Reading) -> Receipt:
    named = next((finding.recipient for finding in reading.findings if finding.recipient), None)
    hard = reading.sort is Sort.BOUNCE and reading.grade is Grade.HARD
    return Receipt(
        about.kind,
        about.at,
        about.key,
        address=reading.sender if about.kind in (ReceiptKind.OPTED_OUT, ReceiptKind.REPLIED) else named,
        code=code_of(reading),
        drop_address=hard,
        unreachable=hard,
        text=reading.text or None,
        seal=about.seal,
    )


def code_of(reading: Reading) -> str | None:
    """`bounce:5.1.1:user_unknown`; `complaint` for a complaint."""
    if reading.sort is Sort.COMPLAINT:
        return "complaint"
    if reading.sort is not Sort.BOUNCE or not reading.findings:
        return None
    worst = next((finding for finding in reading.findings if finding.judgement.grade is not Grade.HARD), reading.findings[0])
    return f"bounce:{worst.status or '-'}:{worst.judgement.reason}"


def _dated(date: str, came: datetime) -> datetime:
    """When the mail says it was written, the same for every copy of it; when it came where that cannot be."""
    try:
        told = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return came
    told = told.replace(tzinfo=UTC) if told.tzinfo is None else told
    return told if came - _SLOW <= told <= came else came


def _patience(settings: ChannelSettings) -> Patience:
    email = expect(EmailSettings, settings)
    return Patience(email.bounce_soft_times, timedelta(days=email.bounce_soft_days), ABOUT_THE_MAILBOX)


INBOX = Inbox(receipts_of, _patience)
