"""SMTP replies as data: RFC 5321 4.2, RFC 3463. The most telling code wins: 450 4.2.1, then 4.2.1, then 4.2, then 450, then 4."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from channels.base import Outcome
from channels.verdicts import DROP_ADDRESS, REJECT, RETRY, STOP_CHANNEL, UNKNOWN, UNREACHABLE, Do, Verdict, slow_down

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")


def slow_domain(seconds: float, after: timedelta | None = None) -> Verdict:
    """The receiving domain asks for less: what else goes to it waits, all other mail goes on."""
    return Verdict(Do.RETRY, after=after, slow=timedelta(seconds=seconds), slow_domain=True)


# Greeting, STARTTLS, login, MAIL FROM: about us, so never about an address.
SENDER: Mapping[str, Verdict] = {
    "5.7": STOP_CHANNEL,
    "5.1": STOP_CHANNEL,
    "530": STOP_CHANNEL,
    "534": STOP_CHANNEL,
    "535": STOP_CHANNEL,
    "538": STOP_CHANNEL,
    "550": STOP_CHANNEL,
    "553": STOP_CHANNEL,
    "554": STOP_CHANNEL,
    "5": REJECT,
    "4": slow_down(30),
}
# RCPT TO, DATA, and the answer to the mail itself.
RECIPIENT: Mapping[str, Verdict] = {
    "5.1.1": DROP_ADDRESS,
    "5.1.2": DROP_ADDRESS,
    "5.1.3": DROP_ADDRESS,
    "5.1.6": DROP_ADDRESS,
    "5.1.10": DROP_ADDRESS,
    "5.2.1": DROP_ADDRESS,
    # Nobody is there as it is written, or nobody has looked for long; the address may come to life.
    "5.1.0": UNREACHABLE,
    "5.1.4": UNREACHABLE,
    "5.2.2": UNREACHABLE,
    # Policy, size and content are said about the mail, whatever the reply code in front.
    "5.3": REJECT,
    "5.6": REJECT,
    "5.7": REJECT,
    "556": DROP_ADDRESS,
    "5": REJECT,
    # Gmail's "receiving mail at a rate that prevents additional messages".
    "450 4.2.1": slow_domain(60, after=timedelta(minutes=5)),
    "4.2.1": Verdict(Do.RETRY, after=timedelta(minutes=5)),
    "4.2.2": Verdict(Do.RETRY, after=timedelta(hours=1)),
    # Too much from us to that domain, or greylisting: a short pause that grows while it goes on saying so.
    "4.7": slow_domain(5, after=timedelta(minutes=1)),
    "421": slow_domain(30),
    # The submission server's own limit on us (RFC 4954 6), whomever the mail was for.
    "454 4.7.0": slow_down(30),
    "4": RETRY,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer. `code` is 0 or less when it was not SMTP."""

    code: int
    text: str

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300

    @property
    def name(self) -> str:
        """`550 5.1.1`, as one searches for it."""
        found = _ENHANCED.match(self.text)
        return f"{self.code} {found[0]}" if found else str(self.code)


def verdict_of(reply: Reply, table: Mapping[str, Verdict]) -> Verdict:
    """The table's word on a refusal; a reply that is no refusal leaves the question open."""
    if not 400 <= reply.code <= 599:
        return UNKNOWN
    digit = str(reply.code)[0]
    found = _ENHANCED.match(reply.text)
    # "450 5.1.1" is a temporary refusal: RFC 3463 2 wants both to agree, and dropping an address is for certain cases only.
    names = [f"{reply.code} {found[0]}", found[0], f"{found[1]}.{found[2]}"] if found and found[1] == digit else []
    return next(table[name] for name in [*names, str(reply.code), digit] if name in table)


def means(code: str) -> Outcome | None:
    """Of a reply's name, as a reply to RCPT or to the mail itself: what is said of us fails no mail but by its tries."""
    digits, _, enhanced = code.partition(" ")
    found = re.fullmatch(r"[45]\d\d", digits)
    return verdict_of(Reply(int(digits), enhanced), RECIPIENT).outcome(code) if found else None
