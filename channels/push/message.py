"""One message as FCM takes it: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from channels.base import Envelope, expect
from channels.push.content import PushContent

LONGEST_TTL = timedelta(weeks=4)
URGENT_FROM = 50  # from this priority on a message may wake a sleeping device
COLLAPSE_LIMIT = 64  # bytes of an apns-collapse-id
_LABEL = re.compile(r"[^a-zA-Z0-9\-_.~%]")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")  # RFC 8030 5.4


@dataclass(frozen=True, slots=True)
class _Push:
    """What the blocks of all platforms need to know. seconds: how long FCM may keep trying, 0 = now or never."""

    content: PushContent
    key: str
    seconds: int
    urgent: bool
    now: float


def message_of(envelope: Envelope, now: float) -> dict[str, object]:
    """The Message of one device, with the block of its platform, or of all when it is not known.

    A repeat replaces the first on the device: Android's tag, Apple's collapse id and the tag of a web notification are our key. There is
    no collapseKey: FCM ignores it for notifications. `now` in epoch seconds dates apns-expiration, which APNs takes as a moment only.
    """
    content, address = expect(PushContent, envelope.content), envelope.address
    if address is None or address.kind not in ("token", "fid"):
        raise ValueError("push needs an address of kind token or fid")
    if len(envelope.key.encode()) > COLLAPSE_LIMIT:
        raise ValueError(f"APNs takes a collapse id of at most {COLLAPSE_LIMIT} bytes")
    ttl = min(max(envelope.ttl, timedelta(0)), LONGEST_TTL)
    push = _Push(content, envelope.key, int(ttl.total_seconds()), envelope.priority >= URGENT_FROM, now)
    notification = {"title": content.title, "body": content.body} | ({"image": content.image} if content.image else {})
    blocks = {
        name: block(push) for name, block in _BLOCKS.items() if address.platform not in _PLATFORMS or _PLATFORMS[address.platform] == name
    }
    return {
        address.kind: address.value,
        "notification": notification,
        "data": _data(envelope, content),
        **blocks,
        "fcmOptions": {"analyticsLabel": _LABEL.sub("_", envelope.campaign)[:50]},
    }


def _data(envelope: Envelope, content: PushContent) -> dict[str, str]:
    ours = {"key": envelope.key, "campaign": envelope.campaign} | ({"link": content.link} if content.link else {})
    return dict(content.data) | ours


def _android(push: _Push) -> Mapping[str, object]:
    return {
        "priority": "HIGH" if push.urgent else "NORMAL",
        "ttl": f"{push.seconds}s",
        "notification": {"tag": push.key},
    }


def _apns(push: _Push) -> Mapping[str, object]:
    aps: dict[str, object] = {"sound": "default"}
    if push.content.image:
        aps["mutable-content"] = 1  # without it iOS never asks the app's extension for the image
    headers = {
        "apns-collapse-id": push.key,
        "apns-expiration": str(int(push.now) + push.seconds) if push.seconds else "0",
        "apns-priority": "10" if push.urgent else "5",
    }
    return {"headers": headers, "payload": {"aps": aps}}


def _webpush(push: _Push) -> Mapping[str, object]:
    headers = {"TTL": str(push.seconds), "Urgency": "high" if push.urgent else "normal"}
    if _TOPIC.fullmatch(push.key):
        headers["Topic"] = push.key
    notification = {"tag": push.key} | ({"image": push.content.image} if push.content.image else {})
    block: dict[str, object] = {"headers": headers, "notification": notification}
    if push.content.link and push.content.link.startswith("https:"):
        block["fcmOptions"] = {"link": push.content.link}  # a browser opens nothing else
    return block


_BLOCKS = {"android": _android, "apns": _apns, "webpush": _webpush}
_PLATFORMS = {"android": "android", "ios": "apns", "web": "webpush"}  # as customer files name them
