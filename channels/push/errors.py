"""FCM's errors as data: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from channels import loose
from channels.base import Outcome
from channels.verdicts import DROP_ADDRESS, REJECT, RETRY, STOP_CAMPAIGN, STOP_CHANNEL, Verdict, slow_down

_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")  # what is none might be anything, a token given back among it
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
UNAUTHENTICATED = "UNAUTHENTICATED"

ERRORS: Mapping[str, Verdict] = {
    "UNREGISTERED": DROP_ADDRESS,
    "SENDER_ID_MISMATCH": DROP_ADDRESS,
    # INVALID_ARGUMENT is three things, which only the details tell apart (invalid_argument below).
    "INVALID_TOKEN": DROP_ADDRESS,
    "INVALID_PAYLOAD": STOP_CAMPAIGN,
    "INVALID_ARGUMENT": REJECT,
    "THIRD_PARTY_AUTH_ERROR": STOP_CHANNEL,
    UNAUTHENTICATED: STOP_CHANNEL,
    "PERMISSION_DENIED": STOP_CHANNEL,
    "QUOTA_EXCEEDED": slow_down(60),
    "RESOURCE_EXHAUSTED": slow_down(60),
    "UNAVAILABLE": RETRY,
    "INTERNAL": RETRY,
}
# The credential of one platform is at fault, and the others go on.
OF_PLATFORM = frozenset({"THIRD_PARTY_AUTH_ERROR"})
# Whoever answers without one of Google's codes stands between us and Google: a proxy, a wrong endpoint.
BY_STATUS: Mapping[int, Verdict] = {429: slow_down(60)}
UNREADABLE = slow_down(60)
TARGETS = frozenset({"message.token", "message.fid"})


def code_of(error: Mapping[str, object]) -> str:
    """The most telling code of an error answer: the FcmError detail, else the status; empty when there is none."""
    details = loose.mappings(error.get("details"))
    codes = [loose.text(item.get("errorCode")) for item in details if item.get("@type") == FCM_ERROR]
    code = next(filter(_CODE.fullmatch, [*codes, loose.text(error.get("status"))]), "")
    return invalid_argument(loose.text(error.get("message")), _violated(details)) if code == "INVALID_ARGUMENT" else code


def invalid_argument(message: str, violated: Iterable[str]) -> str:
    """A dead token, a payload that is wrong for everyone, or neither for certain: only what is certain drops an address."""
    fields = set(violated)
    if fields:
        return "INVALID_TOKEN" if fields <= TARGETS else "INVALID_PAYLOAD"
    words = message.lower()
    return "INVALID_TOKEN" if "registration token" in words or "installation id" in words else "INVALID_ARGUMENT"


def verdict_of(code: str, status: int) -> Verdict:
    if code in ERRORS:
        return ERRORS[code]
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status >= 500:
        return RETRY
    return REJECT if code else UNREADABLE


def means(code: str) -> Outcome | None:
    return ERRORS[code].outcome(code) if code in ERRORS else None


def _violated(details: Iterable[Mapping[str, object]]) -> list[str]:
    return [
        loose.text(violation.get("field"))
        for item in details
        if item.get("@type") == BAD_REQUEST
        for violation in loose.mappings(item.get("fieldViolations"))
    ]
