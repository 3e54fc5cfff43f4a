"""What the audit finds: the kinds of breach, and one message at fault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a message can be at fault in."""

    WINDOW = "outside_window"
    CONTACT_HOURS = "outside_contact_hours"
    TOPIC = "same_topic"
    GAP = "gap"
    CAP = "cap"
    CONSENT = "no_consent"
    OPTED_OUT = "opted_out"
    UNLAWFUL_HOURS = "no_hours_consent"
    NOT_APPROVED = "not_approved"
    CONTROL = "control_group"
    PAUSED = "paused"
    LATE = "sent_late"
    IMPATIENT = "waited_too_long"
    NO_ADDRESS = "no_address"
    WRONG_ADDRESS = "wrong_address"
    TWICE = "sent_twice"
    TWO_CHANNELS = "twice_in_a_run"
    BOTH_WAYS = "sent_both_ways"
    ANSWERED = "follow_up_of_answered"
    HASTY = "follow_up_too_early"
    NOT_CARRIED = "not_carried"
    WRONG_CARRIER = "wrong_carrier"
    POPUP_GAP = "popup_gap"
    TWO_POPUPS = "two_popups_at_once"


@dataclass(frozen=True, slots=True)
class Breach:
    """One message at fault. at: when it was released, or sent when that was much later; of a pop-up on the screen, when it was shown.

    word:  what it broke: a window, hours, a topic, a cap
    other: id of the message it stood against
    """

    kind: Kind
    message_id: int
    customer_no: str
    campaign: str
    channel: str
    at: datetime
    zone: str
    word: str | None
    other: int | None
    other_at: datetime | None
