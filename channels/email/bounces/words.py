"""What a server said, made comparable: one case, no accents, no addresses, hosts or links that could be mistaken for words."""

from __future__ import annotations

import re
import unicodedata

from channels.email.bounces.phrases import SET_PHRASES, any_of
from channels.email.bounces.values import Phase

LONGEST = 6_000  # characters that are looked at

_ACCENTS = re.compile("(?<=[a-z])[\u0300-\u036f]+")
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')]*")
_ADDRESS = re.compile(r"(?<![\w.+=/#-])[\w.+=/'#-]{1,80}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_HOST = re.compile(r"(?<![\w.-])(?:[\w-]{1,63}\.){1,8}[a-z]{2,18}(?![\w-])")
_IP = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(
    r"(?:^|said:|<<<|>>>|error:?|code:?|returned:|response:?|replied:?|was:|smtp;|\]:|reason:|[:;(>\n])[ \t\n]{0,3}"
    r"([45][0-5]\d)(?=[ :;>\n-]|$)",
    re.IGNORECASE,
)
_SENTENCE_DOT = re.compile(r"(?<=[a-z]\.)(?=[A-Z])")

_PHASES: tuple[tuple[Phase, re.Pattern[str]], ...] = (
    (
        Phase.CONNECT,
        any_of(
            r"""
            in reply to (?:ehlo|helo|initial)|after initial connection|refused to talk to me|but greeting failed|after (?:ehlo|helo)
            """
        ),
    ),
    (
        Phase.MAIL,
        any_of(
            r"""
            in reply to mail from|after (?:pipelined )?mail from|but sender was rejected
            >>> mail from[^\n]{0,200}\s+(?:<<<|5\d\d)
            """
        ),
    ),
    (
        Phase.RCPT,
        any_of(
            r"""
            in reply to rcpt|after (?:pipelined )?rcpt|does not like recipient|\[rcpt_to\]|smtp:rcpt
            (?:sent|>>>|<<<|command:?) ?:? ?rcpt to|rcpt to generated|during (?:the )?rcpt
            rcpt to:? ?<[^>\n]{1,120}> ?(?:failed|->)|\bstate 14\b|[>\n ]<<< 503|smtp command -*\s?rcpt
            """
        ),
    ),
    (
        Phase.DATA,
        any_of(
            r"""
            in reply to (?:end of )?data|after (?:end of )?data|after sending data block|failed after i sent the message
            smtp command -*\s?data|[\n ]>>> (?:data|\.)|\bstate 1[5-8]\b|end of data
            """
        ),
    ),
)


def plain(text: str) -> str:
    """Lower case without accents, on one line; a line break inside a reply is a blank."""
    text = unicodedata.normalize("NFKC", text[:LONGEST]).replace("\u2019", "'").replace("`", "'").replace("\u00b4", "'").lower()
    if not text.isascii():
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
        text = text.replace("\u0142", "l").replace("\u00f8", "o").replace("\u00df", "ss")
    return " ".join(text.split())


def words_of(text: str) -> str:
    """As the phrases want it: links and addresses and hosts are signs, so that `mx.spamfilter.example` says nothing of spam."""
    text = plain(_SENTENCE_DOT.sub(" ", text[:LONGEST]))
    return SET_PHRASES.sub("", _IP.sub("#", _HOST.sub("~", _ADDRESS.sub("@", _LINK.sub("", text)))))


def phase_of(text: str) -> Phase:
    """At which command it was refused, as the sending server tells it."""
    low = plain(text)
    return next((phase for phase, pattern in _PHASES if pattern.search(low)), Phase.UNSAID)


def statuses(text: str) -> list[str]:
    """Enhanced status codes in order: RFC 3463."""
    return [match[0] for match in _STATUS.finditer(text[:LONGEST])]


def replies(text: str) -> list[str]:
    """SMTP reply codes in order."""
    return [match[1] for match in _REPLY.finditer(text[:LONGEST])]
