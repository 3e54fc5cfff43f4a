"""Bytes from anywhere, opened as a mail without trust: bounded in size and depth, any charset, and never an exception."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from itertools import islice

from channels.email.bounces.phrases import any_of

LARGEST = 256 * 1024  # of a mail; what is told stands in front, the returned message behind
DEEPEST = 60  # multiparts in one mail; the parser goes down one call each
MOST_PARTS = 100
TEXT = 24_000  # characters of what is read for words
HEADER = 2_000

Headers = Mapping[str, Sequence[str]]

_TAG = re.compile(r"<(?:br|p|div|tr|li|h\d)\b[^<>]*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_HIDDEN = re.compile(r"<(style|script|head)\b[^<>]*>(?:(?!<\1\b).){0,20000}?</\1>", re.IGNORECASE | re.DOTALL)
# Charsets that are text; Python knows others that are not, or that are slow on purpose (punycode).
_CHARSET = re.compile(
    r"(?:us-)?ascii|utf[-_]?8|utf[-_]?16(?:[lb]e)?|iso|windows|cp\d|koi8|gb|hz|big5|euc|shift|sjis|ks_c|mac|tis|latin", re.IGNORECASE
)
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,40}):[ \t]*(.*)$")
_TYPE = re.compile(rb"^content-(?:type|disposition):[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)
_MULTIPART = re.compile(rb"content-type:\s*multipart|content-type:\s*message/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """headers: by lower-case name. text: what it says, without what it returns. reports: fields per recipient of a delivery status.

    feedback: the fields of an abuse report. returned: headers of our message. tail: the returned message where it stood in plain text.
    """

    headers: Headers
    kind: str
    text: str
    reports: Sequence[Headers]
    feedback: Headers | None
    returned: Headers
    tail: str

    def first(self, name: str) -> str:
        return next(iter(self.headers.get(name, ())), "")

    def every(self, *names: str) -> Iterator[str]:
        for name in names:
            yield from self.headers.get(name, ())


def open_letter(raw: bytes) -> Letter:
    """Whatever it is, a Letter."""
    data = raw[:LARGEST].replace(b"\0", b"")
    if b"\r\n" not in data[:4096] and b"\n" not in data[:4096]:
        data = data.replace(b"\r", b"\n")
    if data.startswith(b"From "):  # an mbox line
        data = data.partition(b"\n")[2]
    try:
        return _opened(data)
    except Exception:  # Python's own reader raises TypeError of parameters said twice, or in parts: then what it says is plain text
        return _opened(_TYPE.sub(b"", data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")))


def _opened(data: bytes) -> Letter:
    shallow = len(_MULTIPART.findall(data)) <= DEEPEST
    message = BytesParser(policy=compat32).parsebytes(data) if shallow else BytesHeaderParser(policy=compat32).parsebytes(data)
    return _Reader().read(message, data.replace(b"\r\n", b"\n"))


class _Reader:
    """Walks the parts once, in order: what comes before the returned message is said to us."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.hypertexts: list[str] = []
        self.reports: list[Headers] = []
        self.feedback: Headers | None = None
        self.returned: dict[str, Sequence[str]] = {}

    def read(self, message: Message, source: bytes) -> Letter:
        for number, part in enumerate(message.walk()):
            if number == MOST_PARTS:
                break
            self._part(part, top=number == 0)
        if not (self.texts or self.hypertexts or self.reports):
            self.texts.append(_decoded(source.partition(b"\n\n")[2][:TEXT], None))  # a boundary that never comes
        said = "\n".join(self.texts).strip() or "\n".join(self.hypertexts)
        text, tail = said[:TEXT], ""
        lines = text.splitlines()
        cut = next((at for at, line in enumerate(lines) if _returns(lines, at, line)), None)
        if cut is not None:
            text, tail = "\n".join(lines[:cut]), "\n".join(lines[cut:])
        reports = self.reports or list(_loose_reports(said[:TEXT]))
        return Letter(_headers(message), message.get_content_type(), text, reports, self.feedback, self.returned, tail)

    def _part(self, part: Message, *, top: bool) -> None:
        kind = part.get_content_type()
        if kind == "message/delivery-status" or kind == "message/global-delivery-status":
            self.reports += [headers for headers in _blocks(part) if headers]
        elif kind == "message/feedback-report":
            self.feedback = {name: values for headers in _blocks(part) for name, values in headers.items()}
        elif kind in ("message/rfc822", "message/global", "message/partial") and not top:
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                self.returned = self.returned or dict(_headers(inner[0]))
        elif kind in ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers"):
            self.returned = self.returned or dict(_fields(_words(part)))
        elif kind == "text/html" and not self.returned:
            self.hypertexts.append(_plain(_words(part)))
        elif not part.is_multipart() and part.get_content_maintype() in ("text", "message") and not self.returned:
            self.texts.append(_words(part))


def _returns(lines: Sequence[str], at: int, line: str) -> bool:
    """Whether what follows is our own message again."""
    low = line.strip().lower()
    if at and len(low) < 160 and _BELOW.search(low):
        return True
    # Two header lines of a transported mail, one under the other.
    return bool(at and _TRANSPORT.match(line) and any(_FIELD.match(after) for after in lines[at + 1 : at + 4]))


_TRANSPORT = re.compile(
    r"(?:received|return-path|dkim-signature|x-originating-ip|x-sender|delivered-to|message-id|mime-version):", re.IGNORECASE
)
_BELOW = any_of(
    r"""
    below this line|copy of (?:the|your|original) (?:original )?(?:message|mail)
    (?:unsent|source) (?:message|mail)(?: \S+){0,3}$|headers? (?:of|and|follow)|message header
    ^-{2,} ?(?:original|forwarded|returned|unsent|undelivered)|original message follows|message (?:text )?follows
    your message reads|mensaje original|message d'origine|urspr.nglich\S* nachricht|messaggio originale|mensagem original
    pesan asli|copia del mensaje|start of (?:returned|original)|^-+ ?begin[ ]
    """
)


def _blocks(part: Message) -> Iterator[Headers]:
    """The groups of fields of a delivery status or a feedback report; some encode it, some write it as one text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        for block in payload[:MOST_PARTS]:
            if isinstance(block, Message):
                inner = _headers(block)
                yield inner
                body = block.get_payload()
                # A blank line too few or too many puts fields into a body.
                if isinstance(body, str) and ":" in body:
                    yield _fields(body[:TEXT])
        return
    for text in re.split(r"\n[ \t]*\n", _words(part)):
        yield _fields(text)


def _loose_reports(text: str) -> Iterator[Headers]:
    """A delivery status that stands in the text, as some gateways flatten it."""
    if "recipient:" not in text.lower():
        return
    for block in re.split(r"\n[ \t]*\n", text):
        fields = _fields(block)
        if "action" in fields or ("status" in fields and ("final-recipient" in fields or "original-recipient" in fields)):
            yield fields


def _fields(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in text.splitlines()[:400]:
        if line[:1] in (" ", "\t") and last:
            last[-1] = (last[-1] + " " + line.strip())[:HEADER]
        elif match := _FIELD.match(line[:HEADER]):
            last = found.setdefault(match[1].lower(), [])
            last.append(match[2].strip())
        else:
            last = None
    return found


def _headers(message: Message) -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for name, value in islice(message.raw_items(), 300):
        found.setdefault(name.lower(), []).append(header_text(value))
    return dict(found)


def header_text(value: object) -> str:
    """A header's value with its RFC 2047 words read, on one line."""
    text = " ".join(_told(str(value)[:HEADER]).split())
    if "=?" not in text:
        return text
    try:
        return "".join(_decoded(part, charset) if isinstance(part, bytes) else part for part, charset in decode_header(text))
    except (ValueError, MessageError):  # binascii.Error and HeaderParseError of broken words
        return text


def _told(value: str) -> str:
    """Bytes beyond ASCII, which RFC 5322 does not know and mail servers send, stand in a header as lone surrogates."""
    return value if value.isascii() else _decoded(value.encode("utf-8", "surrogateescape"), None)


def _words(part: Message) -> str:
    """The text of one part in whatever charset it says or is."""
    try:
        payload = part.get_payload(decode=True)
    except ValueError:
        payload = None
    raw = payload if isinstance(payload, bytes) else b""
    return _decoded(raw[: 4 * TEXT], str(part.get_content_charset() or ""))[:TEXT]


def _decoded(raw: bytes, charset: str | None) -> str:
    for name in (charset or "", "utf-8"):
        if _CHARSET.match(name):
            try:
                return codecs.decode(raw, name, "strict" if name == "utf-8" and charset != "utf-8" else "replace")
            except (LookupError, ValueError):
                continue
    return raw.decode("latin-1")


def _plain(hypertext: str) -> str:
    text = _ANY_TAG.sub(" ", _TAG.sub("\n", _HIDDEN.sub(" ", hypertext)))
    return "\n".join(" ".join(line.split()) for line in html.unescape(text).splitlines())
