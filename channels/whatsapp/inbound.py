"""What customers do: statuses of our messages, what they write and tap, their switch for offers, another number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from channels import loose
from channels.alias import Alias
from channels.incoming import Receipt, ReceiptKind
from channels.verdicts import REJECT
from channels.whatsapp.errors import ERRORS
from channels.whatsapp.people import Json, address, also, phone, some, time, user_id

STATUSES = {
    "sent": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.READ,
    "played": ReceiptKind.READ,
    "failed": ReceiptKind.FAILED,
}
PREFERENCES = {"stop": ReceiptKind.OPTED_OUT, "resume": ReceiptKind.OPTED_IN}
STOP_WORDS = frozenset({"stop", "berhenti", "unsubscribe"})
MEDIA = ("image", "video", "audio", "voice", "document", "sticker", "location", "contacts")
_CHANGED = {"user_changed_number", "customer_changed_number", "user_changed_user_id"}


def _status(item: Json, contacts: Sequence[Json]) -> Iterator[Receipt]:
    kind, at = STATUSES.get(loose.text(item.get("status"))), time(item)
    key, provider_id = some(item.get("biz_opaque_callback_data")), some(item.get("id"))
    if kind is None or at is None or not (key or provider_id):
        return
    receipt = Receipt(kind, at, key, provider_id, also=also(item, contacts))
    if kind is not ReceiptKind.FAILED:
        yield receipt
        return
    codes = [loose.whole(error.get("code")) for error in loose.mappings(item.get("errors"))]
    code = next((code for code in codes if code is not None), None)
    verdict, name = ERRORS.get(-1 if code is None else code, REJECT), None if code is None else str(code)
    told = replace(receipt, code=name, unreachable=verdict.elsewhere)
    yield replace(told, signal=verdict.signal(name or ""), suspect=verdict.suspect)
    if verdict.opted_out:
        yield replace(receipt, kind=ReceiptKind.OPTED_OUT, code=name, address=address(item, contacts))


def _message(item: Json, contacts: Sequence[Json]) -> Iterator[Receipt]:
    at, sender, words = time(item), address(item, contacts), _words(item)
    if loose.text(item.get("type")) == "system":
        yield from _changed(item)
    elif at is not None and sender and words:
        kind = ReceiptKind.OPTED_OUT if _is_stop(words) else ReceiptKind.REPLIED
        answered = some(loose.mapping(item.get("context")).get("id"))
        known = also(item, contacts) if phone(item) else ()
        yield Receipt(kind, at, provider_id=answered, address=sender, text=words, also=known)


def _changed(item: Json) -> Iterator[Receipt]:
    """https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples#user-changed-number-notification."""
    told, at = loose.mapping(item.get("system")), time(item)
    old, number = phone({"from": told.get("customer")}) or phone(item), phone({"wa_id": told.get("wa_id") or told.get("new_wa_id")})
    was, person = user_id(item), user_id(told)
    if at is None or loose.text(told.get("type")) not in _CHANGED:
        return
    now = Alias("bsuid", person) if person else None
    if old and number and old != number:
        yield Receipt(ReceiptKind.MOVED, at, address=old, also=(Alias("phone", number), *((now,) if now else ())))
    elif was and now and was != now.value:
        yield Receipt(ReceiptKind.MOVED, at, address=was, also=(now,))


def _preference(item: Json, contacts: Sequence[Json]) -> Iterator[Receipt]:
    kind, at, who = PREFERENCES.get(loose.text(item.get("value"))), time(item), address(item, contacts)
    if kind is not None and at is not None and who:
        yield Receipt(kind, at, address=who, text=some(item.get("detail")), also=also(item, contacts) if phone(item) else ())


# By the list in a change's value that holds them.
READERS: Mapping[str, Callable[[Json, Sequence[Json]], Iterator[Receipt]]] = {
    "statuses": _status,
    "messages": _message,
    "user_preferences": _preference,
}


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
    return next(filter(None, map(some, found)), None) or _media(item)


def _media(item: Json) -> str | None:
    """A picture or voice message is a reply that a person must see, too; its caption with it."""
    kind = loose.text(item.get("type"))
    caption = loose.text(loose.mapping(item.get(kind)).get("caption"))
    return f"[{kind}] {caption}".strip() if kind in MEDIA else None


def _is_stop(words: str) -> bool:
    return words.strip().strip(".!\"'").strip().casefold() in STOP_WORDS
