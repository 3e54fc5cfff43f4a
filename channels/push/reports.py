"""What the app's back end reports of pushes, as the web keeps it; FCM itself tells nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from channels import loose
from channels.incoming import Receipt, ReceiptKind

KINDS = {
    "received": ReceiptKind.DELIVERED,
    "open": ReceiptKind.READ,
    "click": ReceiptKind.CLICKED,
    "dismiss": ReceiptKind.DISMISSED,
    "error": ReceiptKind.ERROR,
}


def parse(body: bytes) -> Sequence[Receipt]:
    """`{"items": [{event_id, delivery_id, type, at, button_id}]}`, checked at the door. Raises ValueError for anything else."""
    items = loose.mappings(loose.read_object(body).get("items"))
    if not items:
        raise ValueError("no reports")
    return [
        Receipt(
            KINDS[loose.text(item.get("type"))],
            datetime.fromisoformat(loose.text(item.get("at"))),
            key=loose.text(item.get("delivery_id")),
            text=loose.text(item.get("button_id")) or None,
            event_id=loose.text(item.get("event_id")),
        )
        for item in items
    ]
