"""What FCM takes: the fields of messages:send, which a test holds against Google's discovery document, and the rules beyond the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    STRING = auto()
    BOOL = auto()
    NUMBER = auto()
    STRINGS = auto()
    MAP = auto()  # string to string
    OPEN = auto()  # an object whose inside is not ours to judge


Shape = Mapping[str, "Kind | frozenset[str] | Shape"]  # a set: one of these words

_S, _B, _N, _L, _M, _O = Kind.STRING, Kind.BOOL, Kind.NUMBER, Kind.STRINGS, Kind.MAP, Kind.OPEN
_LABEL: Shape = {"analyticsLabel": _S}
_WORDS: Mapping[str, frozenset[str]] = {
    "notificationPriority": frozenset(
        {"PRIORITY_UNSPECIFIED", "PRIORITY_MIN", "PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"}
    ),
    "proxy": frozenset({"PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"}),
    "visibility": frozenset({"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"}),
}
_TEXT = ("body", "bodyLocKey", "channelId", "clickAction", "color", "eventTime", "icon", "image")
_TEXTS = (*_TEXT, "sound", "tag", "ticker", "title", "titleLocKey")
_FLAGS = ("bypassProxyNotification", "defaultLightSettings", "defaultSound", "defaultVibrateTimings", "localOnly", "sticky")
_ANDROID_NOTIFICATION: Shape = {
    **dict.fromkeys(_TEXTS, _S),
    **dict.fromkeys(_FLAGS, _B),
    **_WORDS,
    "bodyLocArgs": _L,
    "titleLocArgs": _L,
    "vibrateTimings": _L,
    "notificationCount": _N,
    "lightSettings": _O,
}
_ANDROID: Shape = {
    **dict.fromkeys(("collapseKey", "restrictedPackageName", "ttl"), _S),
    "priority": frozenset({"NORMAL", "HIGH"}),
    **dict.fromkeys(("bandwidthConstrainedOk", "directBootOk", "restrictedSatelliteOk"), _B),
    "data": _M,
    "fcmOptions": _LABEL,
    "notification": _ANDROID_NOTIFICATION,
}
_APNS: Shape = {"fcmOptions": {**_LABEL, "image": _S}, "headers": _M, "liveActivityToken": _S, "payload": _O}
_WEBPUSH: Shape = {"data": _M, "fcmOptions": {**_LABEL, "link": _S}, "headers": _M, "notification": _O}
_MESSAGE: Shape = {
    **dict.fromkeys(("condition", "fid", "name", "token", "topic"), _S),
    "android": _ANDROID,
    "androidV2": _O,
    "apns": _APNS,
    "data": _M,
    "fcmOptions": _LABEL,
    "notification": {"body": _S, "image": _S, "title": _S},
    "webpush": _WEBPUSH,
}
REQUEST: Shape = {"message": _MESSAGE, "validateOnly": _B}

TARGETS = ("token", "fid", "topic", "condition")
PAYLOAD_LIMIT = 4096
_RESERVED = re.compile(r"from|message_type|google\..*|gcm\.notification\..*")
_DURATION = re.compile(r"\d+(\.\d{1,9})?s")
_FOUR_WEEKS = 28 * 24 * 3600
_SNAKE = re.compile(r"_([a-z])")


@dataclass(frozen=True, slots=True)
class Violation:
    field: str
    description: str

    def as_dict(self) -> dict[str, str]:
        return {"field": self.field, "description": self.description}


def shape_violations(request: object) -> list[Violation]:
    """Where a request body is not a SendMessageRequest."""
    return list(_object(request, REQUEST, ""))


def rule_violations(message: Mapping[str, object], size: int) -> list[Violation]:
    """What a well-shaped message breaks nevertheless. `size` is that of the request; a small one is not measured again."""
    found = list(_targets(message))
    found += _reserved(message.get("data"), "message.data")
    android = message.get("android")
    if isinstance(android, Mapping):
        found += _reserved(android.get("data"), "message.android.data")
        found += _ttl(android.get("ttl"))
    if size > PAYLOAD_LIMIT and _payload(message) > PAYLOAD_LIMIT:
        found.append(Violation("message", f"Message is too big: the payload may have {PAYLOAD_LIMIT} bytes."))
    return found


def _object(value: object, shape: Shape, path: str) -> Iterator[Violation]:
    if not isinstance(value, Mapping):
        yield Violation(path, f"Invalid value at '{path}': an object is needed.")
        return
    for key, inner in value.items():
        name = _SNAKE.sub(lambda match: match[1].upper(), key) if "_" in key else key
        wanted = shape.get(name)
        if wanted is None:
            yield Violation(path, f"Invalid JSON payload received. Unknown name \"{key}\" at '{path}': Cannot find field.")
        elif isinstance(wanted, frozenset):
            if inner not in wanted:
                yield Violation(f"{path}.{key}", f"Invalid value at '{path}.{key}' (TYPE_ENUM), {json.dumps(inner)}")
        elif isinstance(wanted, Kind):
            yield from _plain(inner, wanted, f"{path}.{key}".lstrip("."))
        else:
            yield from _object(inner, wanted, f"{path}.{key}".lstrip("."))


def _plain(value: object, kind: Kind, path: str) -> Iterator[Violation]:
    match kind:
        case Kind.STRING:
            good = isinstance(value, str)
        case Kind.BOOL:
            good = isinstance(value, bool)
        case Kind.NUMBER:
            good = isinstance(value, int) and not isinstance(value, bool)
        case Kind.STRINGS:
            good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        case Kind.OPEN:
            good = isinstance(value, Mapping)
        case Kind.MAP:
            good = isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())
    if not good:
        yield Violation(path, f"Invalid value at '{path}' (TYPE_{kind.name}).")


def _targets(message: Mapping[str, object]) -> Iterator[Violation]:
    named = [target for target in TARGETS if message.get(target)]
    if len(named) != 1:
        yield Violation("message", f"Exactly one of {', '.join(TARGETS)} is required, not {len(named)}.")


def _reserved(data: object, path: str) -> Iterator[Violation]:
    for key in data if isinstance(data, Mapping) else ():
        if _RESERVED.fullmatch(key):
            yield Violation(f"{path}.{key}", f"Invalid data payload key: {key}")


def _ttl(ttl: object) -> Iterator[Violation]:
    if isinstance(ttl, str) and not (_DURATION.fullmatch(ttl) and float(ttl[:-1]) <= _FOUR_WEEKS):
        yield Violation("message.android.ttl", f"Invalid TTL {ttl}: seconds up to four weeks, such as 3600s.")


def _payload(message: Mapping[str, object]) -> int:
    """The largest payload any platform would get of it, in bytes of compact JSON."""
    common = {key: message[key] for key in ("notification", "data") if key in message}
    own = [message[platform] for platform in ("android", "apns", "webpush") if platform in message]
    return max(len(json.dumps([common, part], ensure_ascii=False, separators=(",", ":")).encode()) for part in own or [None])
