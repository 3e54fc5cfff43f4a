"""How much of 4,096 bytes a push takes, and what becomes of one that takes more."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from pydantic_core import to_json

from channels.base import Address, Envelope, expect
from channels.push.content import PAYLOAD_LIMIT, PushContent
from channels.push.message import message_of

ELLIPSIS = "…"
_JOINERS = frozenset("\u200d\ufe0e\ufe0f")
_ANY_DEVICE = Address(0, "token", "")  # of no known platform: every block is in the message


def weight(envelope: Envelope) -> int:
    """Bytes of the message without its address: a little more than FCM counts, which leaves out what is not the device's."""
    value = envelope.address.value if envelope.address else ""
    return len(to_json(message_of(envelope, 0.0))) - len(to_json(value)) + 2


def fitted(envelope: Envelope) -> Envelope | None:
    """The envelope with a body shortened to what fits; title, link and data stay whole. None when there is no room for any body."""
    if weight(envelope) <= PAYLOAD_LIMIT:
        return envelope
    body = expect(PushContent, envelope.content).body
    shortest, longest = 0, len(body)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if weight(_with_body(envelope, _cut(body, middle))) <= PAYLOAD_LIMIT:
            shortest = middle
        else:
            longest = middle - 1
    return _with_body(envelope, _cut(body, shortest)) if shortest else None


def excess(envelope: Envelope) -> str | None:
    """What is too much, in words for whoever wrote it; None when it fits. The address is nobody's in particular."""
    size = weight(replace(envelope, address=_ANY_DEVICE))
    if size <= PAYLOAD_LIMIT:
        return None
    return f"{size:,} bytes where {PAYLOAD_LIMIT:,} fit; take {size - PAYLOAD_LIMIT:,} bytes away, or say the rest behind `link`"


def _with_body(envelope: Envelope, body: str) -> Envelope:
    return replace(envelope, content=expect(PushContent, envelope.content).model_copy(update={"body": body}))


def _cut(text: str, length: int) -> str:
    """So many characters and an ellipsis, never in the middle of what is shown as one sign."""
    while 0 < length < len(text) and (text[length] in _JOINERS or text[length - 1] in _JOINERS or unicodedata.combining(text[length])):
        length -= 1
    return text[:length].rstrip() + ELLIPSIS
