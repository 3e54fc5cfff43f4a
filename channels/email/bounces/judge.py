"""Hard, soft, or nobody can say: the verdict on one server's words.

Words beat codes, and soft words beat hard ones: many servers answer 5.1.1 to a full mailbox and 5.0.0 to a missing one. HARD takes
something said of the address and nothing said against it.
"""

from __future__ import annotations

from collections.abc import Mapping

from channels.email.bounces.phrases import ACCESS_DENIED, EITHER, HARD, SOFT, SURE, VAGUE, Table
from channels.email.bounces.values import Grade, Judgement, Phase
from channels.email.bounces.words import phase_of, replies, statuses, words_of

# RFC 3463 and the IANA registry. x.1.10 is null MX there and "recipient not found" in Exchange Online, where x.1.351 is
# "unknown recipient": all are hard.
_GONE: Mapping[str, str] = {
    "1.1": "user_unknown",
    "1.2": "host_unknown",
    "1.3": "user_unknown",
    "1.6": "moved",
    "1.10": "user_unknown",
    "1.351": "user_unknown",
}
_SOFT_STATUS: Mapping[str, str] = {
    "1.7": "sender",
    "1.8": "sender",
    "1.9": "sender",
    "2.1": "disabled",
    "2.2": "mailbox_full",
    "2.3": "too_large",
    "3.4": "too_large",
}
_SOFT_SUBJECT: Mapping[str, str] = {"3": "system", "4": "network", "5": "syntax", "6": "content", "7": "policy"}
NO_REASON = Judgement(Grade.UNDETERMINED, "unclear", "nothing")


def judge(words: str, status: str = "", phase: Phase = Phase.UNSAID) -> Judgement:
    """words: a reply or a paragraph about one recipient. status: what the report says beside it, `5.1.1` or an empty text.

    The judgement's `why` starts with `phrase` for plain words, `vague` for words that plainer ones
    elsewhere may outdo, `status` for a code.
    """
    phase = phase_of(words) if phase is Phase.UNSAID else phase
    # The status in the reply is the receiver's own; the field beside it is the sending server's reading of it.
    known = [*statuses(words), *([status] if status else [])]
    low, codes = words_of(words), replies(words)
    if reason := _found(SOFT, low):
        return _soft(reason, f"phrase:{reason}")
    if ACCESS_DENIED.search(low) and "5.4.1" in known:
        return Judgement(Grade.HARD, "user_unknown", "phrase:access_denied and 5.4.1")
    if phase in (Phase.CONNECT, Phase.MAIL):
        return _soft("sender", f"phrase:said at {phase}")
    if reason := _found(HARD, low):
        return _hard(reason, low, known, codes, phase)
    gone = next((name for name in known if _gone(name)), "")
    vague = _found(VAGUE, low)
    if (reason := _found(EITHER, low)) and _either(reason, gone, vague, phase, known, codes):
        return Judgement(Grade.HARD, "user_unknown", f"phrase:{reason} and {gone or phase}")
    if vague and not (gone and vague in _PASSED_ON and len(low) < _SHORT):
        return _soft(vague, f"vague:{vague}")
    return by_status(gone or next((name for name in known if name != "5.0.0"), status))


# A gateway's own words about refusing do not take back the status it passes on.
_PASSED_ON = frozenset({"refused", "network", "system", "content"})
_SHORT = 160


def _either(reason: str, gone: str, vague: str, phase: Phase, known: list[str], codes: list[str]) -> bool:
    if gone:
        return vague in ("", "refused")
    plain = reason == "user_unknown" and phase is Phase.RCPT and not vague
    return plain and not _temporary(known, codes) and not any(name[2:] == "2.1" for name in known)


def by_status(status: str) -> Judgement:
    """What a code alone is worth."""
    rest = status[2:]
    if not status:
        return NO_REASON
    if _gone(status):
        return Judgement(Grade.HARD, _GONE[rest], f"status:{status}")
    if reason := _SOFT_STATUS.get(rest) or _SOFT_SUBJECT.get(rest.partition(".")[0]):
        return _soft(reason, f"status:{status}")
    return _soft("temporary", f"status:{status}") if status[0] == "4" else NO_REASON


def _hard(reason: str, low: str, known: list[str], codes: list[str], phase: Phase) -> Judgement:
    if _temporary(known, codes):
        return _soft(reason, f"phrase:{reason}, but a temporary code")
    if phase is Phase.RCPT or reason == "host_unknown" or any(_gone(name) for name in known) or SURE.search(low):
        return Judgement(Grade.HARD, reason, f"phrase:{reason}")
    # A server that knows its users refuses at RCPT. "User unknown" after the whole mail is how some providers say that the person filters,
    # and what tells neither the moment nor a status may be passing on just that.
    moment = "after the mail was read" if phase is Phase.DATA else "at no known moment"
    return _soft(reason, f"phrase:{reason}, but {moment}")


def _temporary(known: list[str], codes: list[str]) -> bool:
    classes = {name[0] for name in known} | {code[0] for code in codes}
    return "4" in classes and "5" not in classes


def _gone(status: str) -> bool:
    return status[:2] == "5." and status[2:] in _GONE


def _found(table: Table, words: str) -> str:
    return next((reason for reason, pattern in table.items() if pattern.search(words)), "")


def _soft(reason: str, why: str) -> Judgement:
    return Judgement(Grade.SOFT, reason, why)
