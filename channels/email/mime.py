"""The bytes of one mail: RFC 5322 headers around base64 bodies. 15 times as fast as building an EmailMessage."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache

from channels.base import Envelope, expect
from channels.email.address import envelope_address
from channels.email.content import PreparedEmail
from channels.email.dkim import Header, Signer
from channels.email.layout import FOOTER, footer_html, footer_text

# Base64 has neither "=" within a line nor "_", so no body can contain it.
BOUNDARY = "=_kabar_alternative"
LINE = 76
# With the name of the header in front, an encoded word stays within the 76 characters of RFC 2047 2.
WORD_BYTES = 39
PLAIN_SUBJECT = 60
_SIMPLE = re.compile(r"[ -~]*")
KEY_HEADER = "X-Kabar-Key"
_KEY = re.compile(r"[A-Za-z0-9._-]{1,41}")  # with a seal of ten, "unsubscribe+" and "-" it fills the 64 of a local part
_URL = re.compile(r"https?://[!-;=?-~]+")
_LABEL = re.compile(r"[^A-Za-z0-9._-]")
_BLANKS = re.compile(r"\n{3,}")


class LetterError(Exception):
    """This mail cannot be written for this person; `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Letter:
    """`data` is ready for DATA but for dot-stuffing; it is ASCII with CRLF line ends and ends in one."""

    message_id: str
    return_path: str
    recipient: str
    data: bytes


class Letterhead:
    """What all mails of one sender have in common. `sender` is `Name <address>`."""

    def __init__(self, sender: str, bounce_domain: str | None, signer: Signer | None = None) -> None:
        name, address = parseaddr(sender)
        self.address = envelope_address(address) or ""
        self.domain = self.address.rpartition("@")[2]
        self._from = formataddr((name, self.address))
        self._bounce_domain, self._signer = bounce_domain, signer

    def write(self, envelope: Envelope, now: float) -> Letter:
        """One person's mail; `now` in epoch seconds dates it. Raises LetterError."""
        content = expect(PreparedEmail, envelope.content)
        if not _KEY.fullmatch(envelope.key):
            raise ValueError(f'"{envelope.key}" cannot stand in a Message-ID')
        recipient = envelope_address(envelope.address.value) if envelope.address else None
        if recipient is None:
            raise LetterError("address_syntax")
        if envelope.unsubscribe is not None and not _URL.fullmatch(envelope.unsubscribe):
            raise LetterError("unsubscribe_link")
        headers = [*self._headers(envelope, content, recipient, now)]
        body = _body(content, envelope)
        if self._signer is not None:
            headers.insert(0, self._signer.header(headers, body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return Letter(f"{envelope.key}@{self.domain}", self._return_path(envelope), recipient, head.encode() + b"\r\n" + body)

    def _headers(self, envelope: Envelope, content: PreparedEmail, recipient: str, now: float) -> Iterator[Header]:
        category, campaign = _LABEL.sub("-", envelope.category), _LABEL.sub("-", envelope.campaign)
        yield "From", self._from
        yield "To", recipient
        yield "Subject", encoded(content.subject)
        yield "Date", _date(int(now))
        yield "Message-ID", f"<{envelope.key}@{self.domain}>"
        yield "List-ID", f"<{category}.{self.domain}>"
        # Gmail's four fields, the last one the sender for good: https://support.google.com/a/answer/6254652
        yield "Feedback-ID", f"{campaign}:{category}:email:kabar"
        yield "Auto-Submitted", "auto-generated"
        yield "Precedence", "bulk"
        if envelope.seal is not None:
            yield KEY_HEADER, _sealed(envelope)  # what a bounce or complaint returns proves by it that it is about our mail
        if envelope.unsubscribe is not None:
            yield "List-Unsubscribe", f"<{envelope.unsubscribe}>,\r\n <{self._mailto(envelope)}>"
            yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
        yield "MIME-Version", "1.0"
        yield "Content-Type", f'multipart/alternative; boundary="{BOUNDARY}"'

    def _return_path(self, envelope: Envelope) -> str:
        return f"bounce+{_sealed(envelope)}@{self._bounce_domain}" if self._bounce_domain else self.address

    def _mailto(self, envelope: Envelope) -> str:
        key = _sealed(envelope)
        if self._bounce_domain:
            return f"mailto:unsubscribe+{key}@{self._bounce_domain}?subject=unsubscribe"
        return f"mailto:{self.address}?subject=unsubscribe%20{key}"


def _sealed(envelope: Envelope) -> str:
    return f"{envelope.key}-{envelope.seal}" if envelope.seal else envelope.key


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def encoded(text: str) -> str:
    """A header's text on safe lines: line breaks become blanks, all but short ASCII becomes RFC 2047 words."""
    words = " ".join(text.split())
    if len(words) <= PLAIN_SUBJECT and _SIMPLE.fullmatch(words) and "=?" not in words:
        return words
    return "\r\n ".join(f"=?utf-8?b?{b2a_base64(part, newline=False).decode()}?=" for part in _parts(words))


def _parts(words: str) -> Iterator[bytes]:
    """UTF-8 in pieces that never cut a character."""
    piece = b""
    for char in words:
        more = char.encode("utf-8", "replace")
        if len(piece) + len(more) > WORD_BYTES:
            yield piece
            piece = b""
        piece += more
    yield piece


def _body(content: PreparedEmail, envelope: Envelope) -> bytes:
    text, html, link = content.text, content.html, envelope.unsubscribe
    if "\n\n\n" in text:  # conditions that were not met leave empty lines behind
        text = _BLANKS.sub("\n\n", text)
    if link is not None:
        text += footer_text(link, envelope.locale, envelope.preferences)
        html = html.replace(FOOTER, footer_html(link, envelope.locale, envelope.preferences), 1)
    return _PARTS % (_base64(text + "\n"), _base64(html + "\n"))


def _base64(text: str) -> bytes:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = b2a_base64(text.replace("\n", "\r\n").encode("utf-8", "replace"), newline=False)
    return b"\r\n".join([data[at : at + LINE] for at in range(0, len(data), LINE)])


_PARTS = (
    f"--{BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n"
    f"--{BOUNDARY}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n"
    f"--{BOUNDARY}--\r\n"
).encode()
