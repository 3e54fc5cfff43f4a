"""Cloud API errors as data: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from channels.verdicts import OPTED_OUT, REJECT, RETRY, STOP_CAMPAIGN, STOP_CHANNEL, UNKNOWN, UNREACHABLE, Do, Verdict, slow_down

OPTED_OUT_CODE = 131050
# Meta: sooner than 24 hours later fails again.
_TOMORROW = Verdict(Do.RETRY, after=timedelta(hours=24))
# One message per 6 s to one person; 16 s is the second step of the 4^n that Meta asks for.
_PAIR_RATE = Verdict(Do.RETRY, after=timedelta(seconds=16))
_QUALITY = slow_down(3600)

_PEOPLE = {
    # Unreachable once may be a phone that is off: the address goes only when this repeats, which a channel cannot know.
    131026: UNREACHABLE,
    131021: UNREACHABLE,
    OPTED_OUT_CODE: OPTED_OUT,
    131049: _TOMORROW,
    130472: UNREACHABLE,
    131056: _PAIR_RATE,
}
_PACE = {
    130429: slow_down(5),
    4: slow_down(60),
    80007: slow_down(60),
    131048: _QUALITY,
    131064: _QUALITY,
}
_PASSING = (1, 2, 131000, 131016, 131057)
_CONTENT = (
    100,
    131008,
    131009,
    131047,
    131053,
    132000,
    132001,
    132005,
    132007,
    132008,
    132012,
    132015,
    132016,
)
_ACCOUNT = (0, 3, 10, 190, *range(200, 300), 131005, 368, 131031, 131037, 131042, 131045, 133010, 131063, 130497)

ERRORS: Mapping[int, Verdict] = {
    **_PEOPLE,
    **_PACE,
    **dict.fromkeys(_PASSING, RETRY),
    **dict.fromkeys(_CONTENT, STOP_CAMPAIGN),
    **dict.fromkeys(_ACCOUNT, STOP_CHANNEL),
}
# No code of Meta's in the answer: someone between us answered. 429 and 503 refuse; another 5xx may follow a message that went out.
REFUSED = slow_down(60)


def verdict_of(code: int | None, status: int) -> Verdict:
    if code is not None:
        return ERRORS.get(code, RETRY if status >= 500 else REJECT)
    return UNKNOWN if status >= 500 and status != 503 else REFUSED


def is_unreachable(code: int | None) -> bool:
    """Whether a receipt of this code says that the person is not there, and not that we or Meta are at fault."""
    return code is not None and code in ERRORS and ERRORS[code].elsewhere
