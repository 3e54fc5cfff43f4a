"""Cloud API errors as data: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from channels.base import Outcome
from channels.signals import HoldPerson
from channels.verdicts import OPTED_OUT, REJECT, RETRY, STOP_CAMPAIGN, STOP_CHANNEL, UNKNOWN, UNREACHABLE, Do, Verdict, slow_down

_DAY = timedelta(hours=24)
_STEP = timedelta(seconds=16)
# Unreachable once may be a phone that is off: the address goes only when this repeats, which a channel cannot know.
_NOT_THERE = Verdict(Do.REJECT, unreachable=True, suspect=True)
# So many offers a person, of all businesses together: sooner than 24 hours later fails again, whatever the campaign. What is no offer goes.
_TOMORROW = Verdict(Do.RETRY, after=_DAY, hold=HoldPerson(_DAY, offers_only=True))
# One message per 6 s to one person. Meta asks for 4^n s before the n-th try; our own backoff of 30 s · 3^(n-1) is longer at every step.
_PAIR_RATE = Verdict(Do.RETRY, after=_STEP, hold=HoldPerson(_STEP))
# Too many people blocked or reported us: going on makes it worse, and somebody must find out why.
_QUALITY = Verdict(Do.RETRY, slow=timedelta(hours=1), alert=True)

_PEOPLE = {
    131026: _NOT_THERE,
    131021: _NOT_THERE,
    131050: OPTED_OUT,
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


def means(code: str) -> Outcome | None:
    verdict = ERRORS.get(int(code)) if code.isascii() and code.isdigit() else None
    return verdict.outcome(code) if verdict else None
