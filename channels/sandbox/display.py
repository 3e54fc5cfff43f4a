"""A delivery as the customer sees it, for the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email import message_from_bytes
from email.message import MIMEPart
from email.policy import default
from typing import Any

from channels.sandbox.directory import Customer
from channels.sandbox.fcm import collapse_tag, part
from channels.sandbox.journal import Delivery
from channels.sandbox.tally import draw
from channels.sandbox.templates import Templates, fill
from channels.sandbox.webhooks import Receipts


def view(delivery: Delivery, templates: Templates, customer: Customer) -> dict[str, object]:
    """Its facts, whose it is, and under `content` what is on the screen."""
    match delivery.channel:
        case "push":
            content = _push(json.loads(delivery.raw)["message"])
        case "whatsapp":
            content = _whatsapp(json.loads(delivery.raw), templates)
        case _:
            content = _mail(delivery.raw)
    return {**delivery.facts(), "customer": {"no": customer.no, "name": customer.name}, "content": content}


def ticks(delivery: Delivery, receipts: Receipts, seed: int) -> str:
    """How far the journey of a WhatsApp message gets, by the same draw as the statuses that are posted: sent, delivered or read."""
    fate = {kind: draw(seed, kind, delivery.to, delivery.key) for kind in ("delivered", "read")}
    if fate["read"] < receipts.read:
        return "read"
    return "delivered" if fate["delivered"] < receipts.delivered else "sent"


def _push(message: Mapping[str, Any]) -> dict[str, object]:
    android, notification = part(message, "android", "notification"), part(message, "notification")
    alert = part(message, "apns", "payload", "aps").get("alert")
    apple = alert if isinstance(alert, Mapping) else {"body": alert}
    data = part(message, "data")

    def first(name: str) -> object:
        return notification.get(name) or android.get(name) or apple.get(name) or ""

    image = first("image") or part(message, "apns", "fcmOptions").get("image", "")
    return {"title": first("title"), "body": first("body"), "image": image, "tag": collapse_tag(message), "data": dict(data)}


def _whatsapp(body: Mapping[str, Any], templates: Templates) -> dict[str, object]:
    if body.get("type") != "template":
        return {"text": body["text"]["body"], "buttons": [], "footer": "", "image": "", "template": ""}
    template = body["template"]
    name, language = template["name"], template["language"]["code"]
    parts = template.get("components", [])
    known = templates.get(name, {}).get(language)
    values = {str(item.get("parameter_name", place)): str(item.get("text", "")) for place, item in _texts(parts)}
    buttons = [_button(item) for item in parts if item["type"].lower() == "button"]
    if known is not None:
        buttons = [
            {"kind": button.kind, "label": button.label, "value": _value(place, button.url, buttons)}
            for place, button in enumerate(known.buttons)
        ]
    return {
        "template": f"{name} ({language})",
        "text": known.text(values) if known else "\n".join(values.values()),
        "footer": known.footer if known else "",
        "image": _image(parts),
        "buttons": buttons,
    }


def _texts(parts: list[Mapping[str, Any]]) -> list[tuple[int, Mapping[str, Any]]]:
    body = next((item for item in parts if item["type"].lower() == "body"), {})
    return list(enumerate(body.get("parameters", []), start=1))


def _image(parts: list[Mapping[str, Any]]) -> str:
    header = next((item for item in parts if item["type"].lower() == "header"), {})
    parameter: Mapping[str, Any] = next(iter(header.get("parameters", [])), {})
    return str(parameter.get("image", {}).get("link", "")) if isinstance(parameter.get("image"), Mapping) else ""


def _button(component: Mapping[str, Any]) -> dict[str, object]:
    kind = str(component.get("sub_type", "")).lower()
    parameter: Mapping[str, Any] = next(iter(component.get("parameters", [])), {})
    value = str(parameter.get("payload") or parameter.get("text") or "")
    return {"kind": kind, "label": value if kind == "quick_reply" else "Buka", "value": value, "index": int(component["index"])}


def _value(place: int, url: str, sent: list[dict[str, object]]) -> str:
    given = next((str(button["value"]) for button in sent if button.get("index") == place), "")
    return fill(url, {"1": given}) if url else given


def _mail(raw: bytes) -> dict[str, object]:
    mail = message_from_bytes(raw, policy=default)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    return {
        "subject": str(mail.get("Subject", "")),
        "sender": str(mail.get("From", "")),
        "unsubscribe": str(mail.get("List-Unsubscribe", "")),
        "html": _content(html),
        "text": _content(text),
    }


def mail_parts(raw: bytes) -> tuple[str, str]:
    """(HTML, text) of a mail, "" for one that it does not have."""
    mail = message_from_bytes(raw, policy=default)
    return _content(mail.get_body(("html",))), _content(mail.get_body(("plain",)))


def _content(body: MIMEPart | None) -> str:
    if body is None:
        return ""
    try:
        return str(body.get_content())
    except (LookupError, ValueError):
        return "(isi tidak terbaca)"
