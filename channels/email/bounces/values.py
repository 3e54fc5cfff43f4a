"""What a mail that came back can be: frozen values between the stages of reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Sort(StrEnum):
    """What sort of mail it is. Only BOUNCE, DELIVERED, COMPLAINT, UNSUBSCRIBE and REPLY change anything."""

    BOUNCE = "bounce"
    DELAY = "delay"  # still being tried
    DELIVERED = "delivered"  # a delivery status of success
    COMPLAINT = "complaint"  # RFC 5965
    UNSUBSCRIBE = "unsubscribe"
    CHALLENGE = "challenge"  # "prove that you are human"
    AUTO_REPLY = "auto_reply"  # out of office
    REPLY = "reply"  # a person, or nothing we know


class Grade(StrEnum):
    """HARD: the address is not there and never will be. SOFT: anything else that has a reason. UNDETERMINED: no reason was found."""

    HARD = "hard"
    SOFT = "soft"
    UNDETERMINED = "undetermined"


class Phase(StrEnum):
    """At which command the receiving server said no."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`why` names the rule: `phrase:user_unknown`, `status:5.1.1`."""

    grade: Grade
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One recipient that did not get the mail. status: RFC 3463 or an empty text. words: what was judged, at most 500 characters."""

    recipient: str
    status: str
    words: str
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Reading:
    """One mail, understood.

    key:      ours (`kabar-42`), None when the mail names no message of ours
    seal:     what stood behind the key; only the house can say whether it is ours
    sender:   who wrote it, for replies and unsubscribing; lower case, or an empty text
    date:     as the mail gives it
    """

    sort: Sort
    key: str | None = None
    seal: str | None = None
    sender: str = ""
    date: str = ""
    findings: Sequence[Finding] = field(default=())
    text: str = ""

    @property
    def grade(self) -> Grade:
        """Of all recipients: hard when all are, undetermined when none has a reason."""
        grades = {finding.judgement.grade for finding in self.findings}
        if grades == {Grade.HARD}:
            return Grade.HARD
        return Grade.SOFT if Grade.SOFT in grades or len(grades) > 1 else Grade.UNDETERMINED
