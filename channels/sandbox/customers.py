"""What customers do with WhatsApp, in the words of Meta's webhooks."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime

from channels.sandbox.errors import cloud_title
from channels.sandbox.people import user_id, wa_id
from channels.sandbox.tally import draw
from channels.sandbox.webhooks import News, Receipts


def wamid(to: str) -> str:
    """A new message id in Meta's form."""
    return "wamid." + b64encode(f"{wa_id(to)}:{secrets.token_hex(8)}".encode()).decode()


def journey(message: str, to: str, opaque: str, now: datetime, receipts: Receipts, seed: int) -> Iterator[News]:
    """sent, then delivered, then read, as far as this message gets; `delivered` may be skipped when read arrives."""
    yield _status("sent", message, to, opaque, now, pricing={"billable": True, "pricing_model": "PMP", "category": "marketing"})
    if draw(seed, "delivered", to, opaque) < receipts.delivered:
        yield _status("delivered", message, to, opaque, now)
    if draw(seed, "read", to, opaque) < receipts.read:
        yield _status("read", message, to, opaque, now)


def failure(message: str, to: str, opaque: str, now: datetime, code: int) -> News:
    """A message that was accepted and could not be delivered."""
    title = cloud_title(code)
    error = {"code": code, "title": title, "message": title, "error_data": {"details": f"{title}. (sandbox)"}}
    return _status("failed", message, to, opaque, now, errors=[error])


def says(phone: str, text: str, now: datetime) -> News:
    """A typed message: STOP, BERHENTI, or anything a person must read."""
    return _inbound(phone, now, {"type": "text", "text": {"body": text}})


def presses(phone: str, payload: str, label: str, message: str, now: datetime) -> News:
    """A quick-reply button under a template; `message` is the wamid it stood under."""
    context = {"context": {"from": "15550001111", "id": message}} if message else {}
    return _inbound(phone, now, {**context, "type": "button", "button": {"payload": payload, "text": label or payload}})


def prefers(phone: str, value: str, now: datetime) -> News:
    """WhatsApp's own switch for marketing messages: `stop` or `resume`."""
    preference: dict[str, object] = {
        "wa_id": wa_id(phone),
        "user_id": user_id(phone),
        "detail": f"User requested to {value} marketing messages",
        "category": "marketing_messages",
        "value": value,
        "timestamp": int(now.timestamp()),
    }
    return News("user_preferences", "user_preferences", preference, phone)


def moves(phone: str, new: str, now: datetime) -> News:
    """A customer takes WhatsApp to another number."""
    system = {"type": "user_changed_number", "body": "User changed their number", "wa_id": wa_id(new), "user_id": user_id(new)}
    return _inbound(phone, now, {"type": "system", "system": system})


def template_news(name: str, language: str, event: str, now: datetime) -> News:
    """Meta's word on a template: APPROVED, PAUSED, REJECTED, DISABLED …"""
    value: dict[str, object] = {
        "event": event,
        "message_template_id": int(user_id(name).removeprefix("ID.")),
        "message_template_name": name,
        "message_template_language": language,
        "message_template_category": "MARKETING",
        "reason": "ABUSIVE_CONTENT" if event == "REJECTED" else "NONE",
    }
    return News("message_template_status_update", "", value, at=int(now.timestamp()))


def _inbound(phone: str, now: datetime, content: dict[str, object]) -> News:
    head = {"from": wa_id(phone), "from_user_id": user_id(phone), "id": wamid(phone), "timestamp": str(int(now.timestamp()))}
    return News("messages", "messages", {**head, **content}, phone)


def _status(status: str, message: str, to: str, opaque: str, now: datetime, **more: object) -> News:
    item: dict[str, object] = {
        "id": message,
        "status": status,
        "timestamp": str(int(now.timestamp())),
        "recipient_id": wa_id(to),
        "recipient_user_id": user_id(to),
        **({"biz_opaque_callback_data": opaque} if opaque else {}),
        **more,
    }
    return News("messages", "statuses", item, to)
