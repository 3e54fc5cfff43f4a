"""Webhooks of the Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from pydantic_core import from_json

from channels import loose
from channels.base import Receipt, ReceiptKind
from channels.whatsapp.errors import OPTED_OUT_CODE, is_unreachable

Json = Mapping[str, object]

STATUSES = {
    "sent": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.READ,
    "played": ReceiptKind.READ,
    "failed": ReceiptKind.FAILED,
}
PREFERENCES = {"stop": ReceiptKind.OPTED_OUT, "resume": ReceiptKind.OPTED_IN}
STOP_WORDS = frozenset({"stop", "berhenti", "unsubscribe"})


def verify(app_secret: str, raw: bytes, header: str | None) -> bool:
    """Is `X-Hub-Signature-256: sha256=<hex>` Meta's over exactly these bytes? Takes the same time whatever the answer."""
    expected = "sha256=" + hmac.new(app_secret.encode(), raw, "sha256").hexdigest()
    return hmac.compare_digest(expected.encode(), (header or "").encode("utf-8", "surrogateescape"))


def challenge(query: Mapping[str, str], verify_token: str) -> str | None:
    """The answer to Meta's GET when a webhook is set up; None refuses it."""
    given = query.get("hub.verify_token", "").encode("utf-8", "surrogateescape")
    if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(given, verify_token.encode()):
        return None
    return query.get("hub.challenge")


def parse(raw: bytes) -> list[Receipt]:
    """Every fact in one POST, in its order. What is not known is passed over. Raises ValueError if it is not a JSON object."""
    try:
        data = from_json(raw)
    except ValueError as error:
        raise ValueError("the webhook is not JSON") from error
    if not isinstance(data, dict):
        raise ValueError("the webhook is not a JSON object")
    return [
        receipt
        for entry in loose.mappings(data.get("entry"))
        for change in loose.mappings(entry.get("changes"))
        for field, read in READERS.items()
        for item in loose.mappings(loose.mapping(change.get("value")).get(field))
        for receipt in read(item)
    ]


def _status(item: Json) -> Iterator[Receipt]:
    kind, at = STATUSES.get(loose.text(item.get("status"))), _time(item)
    key, provider_id = _some(item.get("biz_opaque_callback_data")), _some(item.get("id"))
    if kind is None or at is None or not (key or provider_id):
        return
    codes = [loose.whole(error.get("code")) for error in loose.mappings(item.get("errors"))]
    code = str(codes[0]) if codes and codes[0] is not None else None
    unreachable = kind is ReceiptKind.FAILED and any(is_unreachable(code) for code in codes)
    receipt = Receipt(kind, at, key, provider_id, code=code, unreachable=unreachable)
    yield receipt
    if OPTED_OUT_CODE in codes:
        yield replace(receipt, kind=ReceiptKind.OPTED_OUT)


def _message(item: Json) -> Iterator[Receipt]:
    at, address, words = _time(item), _address(item), _words(item)
    if at is not None and address and words:
        kind = ReceiptKind.OPTED_OUT if _is_stop(words) else ReceiptKind.REPLIED
        answered = _some(loose.mapping(item.get("context")).get("id"))
        yield Receipt(kind, at, provider_id=answered, address=address, text=words)


def _preference(item: Json) -> Iterator[Receipt]:
    kind, at, address = PREFERENCES.get(loose.text(item.get("value"))), _time(item), _address(item)
    if kind is not None and at is not None and address:
        yield Receipt(kind, at, address=address, text=_some(item.get("detail")))


READERS: Mapping[str, Callable[[Json], Iterator[Receipt]]] = {
    "statuses": _status,
    "messages": _message,
    "user_preferences": _preference,
}


def _time(item: Json) -> datetime | None:
    """Epoch seconds, as digits or a number."""
    seconds = loose.whole(item.get("timestamp"))
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _address(item: Json) -> str | None:
    """Phones in E.164 as we store them, else the business-scoped user id of a person who hides the number."""
    phone = loose.text(item.get("from")) or loose.text(item.get("wa_id"))
    if phone:
        return f"+{phone}" if phone.isdigit() else phone
    return _some(item.get("from_user_id")) or _some(item.get("user_id"))


def _words(item: Json) -> str | None:
    """What a person wrote or tapped: text, the payload of a quick reply, or the id of an interactive answer."""
    interactive = loose.mapping(item.get("interactive"))
    answer = loose.mapping(interactive.get("button_reply")) or loose.mapping(interactive.get("list_reply"))
    button = loose.mapping(item.get("button"))
    found = (
        loose.mapping(item.get("text")).get("body"),
        button.get("payload"),
        button.get("text"),
        answer.get("id"),
        answer.get("title"),
    )
    return next(filter(None, map(_some, found)), None) or _media(item)


def _media(item: Json) -> str | None:
    """A picture or voice message is a reply that a person must see, too."""
    kind = loose.text(item.get("type"))
    return f"[{kind}]" if kind in ("image", "video", "audio", "voice", "document", "sticker", "location", "contacts") else None


def _is_stop(words: str) -> bool:
    return words.strip().strip(".!\"'").strip().casefold() in STOP_WORDS


def _some(value: object) -> str | None:
    return loose.text(value) or None
