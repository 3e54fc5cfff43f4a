"""Holds our book of a storm against the providers': every message in a final state, and the right one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jobs.links import message_id, message_key
from tests.storm.books import Ours, Seen, Theirs

REACHED = ("sent", "delivered", "read")
FINAL = (*REACHED, "failed", "unknown", "suppressed", "expired")
RESENT = frozenset({"service"})  # categories whose doubtful sends are repeated
SORT = {"push": "push", "whatsapp": "phone", "email": "email"}
DEAD = {
    "push": {"UNREGISTERED", "INVALID_ARGUMENT", "INVALID_TOKEN", "SENDER_ID_MISMATCH"},
    "whatsapp": set(),
    "email": {"550 5.1.1 User unknown"},
}
OPTED_OUT = 131050
CUT_OFF = ("timeout", "connection_lost", "garbled_answer", "garbled_reply")
STATUSES = {"sent": 0, "delivered": 1, "read": 2}
REPORTS = {"received": 1, "open": 2}  # the app's words


class Unheard(NamedTuple):
    """Attempts of one message whose answer nobody waited for, and those whose answer was lost on its way or nobody lived to write down."""

    timeouts: int
    unwritten: int


def discrepancies(our: Ours, their: Theirs, *, killed: bool = False, cut: bool = False) -> list[str]:
    """Everything in which the two books do not agree; empty when all is well.

    killed: senders were killed, and nobody lived to write down the answers to some of their attempts (with one address a channel each)
    cut:    the network broke answers off on their way, after the provider had written that it gave them
    """
    found = []
    for message in our.messages:
        attempts = our.attempts.get(message.id, ())
        unwritten = max(message.attempts - len(attempts), 0) if killed else 0
        unwritten += sum(each.code in CUT_OFF for each in attempts) if cut else 0
        unheard = Unheard(sum(each.code == "timeout" for each in attempts), unwritten)
        found += [f"{_named(message)}: {fault}" for fault in _message(message, their.of(message), attempts, unheard)]
    found += _strangers(our, their)
    found += _addresses(our, their)
    if our.unapplied or our.refused:
        found.append(f"{our.unapplied} receipts wait, {our.refused} were refused")
    return found


def _named(message: Any) -> str:
    return f"message {message.id} ({message.channel}, {message.campaign}) is {message.status} ({message.reason})"


def _message(message: Any, seen: Seen, attempts: Sequence[Any], unheard: Unheard) -> Iterator[str]:
    if message.status not in FINAL:
        yield "not final"
    if message.channel == "popup":
        if message.on_tray != (message.status in REACHED):
            yield "on the app's tray or not"
        return
    yield from _place(message, attempts, seen, unheard)
    yield from _repeats(message, seen)
    yield from _attempts(attempts, seen, unheard)
    yield from _progress(message, seen)


def _place(message: Any, attempts: Sequence[Any], seen: Seen, unheard: Unheard) -> Iterator[str]:
    """Whether it is where the log says it must be."""
    if message.status in REACHED and not seen.accepted:
        yield "nobody accepted it"
    if message.status in ("failed", "suppressed", "expired") and seen.accepted:
        yield f"accepted: {seen.accepted}"
    if message.status == "unknown" and not (seen.broken or _given_up(message, attempts, seen, unheard) or unheard.unwritten):
        yield "no connection was in doubt"
    if message.status == "unknown" and any(line["answered"] for line in seen.accepted) and any(each.outcome == "sent" for each in attempts):
        yield "its acceptance was answered"
    named = {line["provider_id"] for line in seen.accepted} | {None}
    if message.channel != "email" and message.status in REACHED and message.provider_id not in named:
        yield f"the provider knows no {message.provider_id}"


def _given_up(message: Any, attempts: Sequence[Any], seen: Seen, unheard: Unheard) -> bool:
    """Whether an answer that may have been good was not waited for.

    A request over HTTP may be given up before its server has read it, and then no line tells of it. Of a mail that was handed over one
    does: it was taken, broken off, or refused when nobody waited any more.
    """
    heard = sum((each.code or "")[:1].isdigit() for each in attempts)
    return unheard.timeouts > 0 and (message.channel != "email" or bool(seen.accepted) or _refusals(seen) > heard)


def _repeats(message: Any, seen: Seen) -> Iterator[str]:
    copies = Counter(line["to"] for line in seen.accepted)
    if message.maybe_duplicate and message.category not in RESENT:
        yield "flagged as a repeat, which its category does not want"
    if message.channel == "push":
        if any(line["key"] == "" for line in seen.accepted):
            yield "a device would show it twice"
    elif copies.total() > 1 and not message.maybe_duplicate:
        yield f"accepted {copies.total()} times, not flagged"


def _attempts(attempts: Sequence[Any], seen: Seen, unheard: Unheard) -> Iterator[str]:
    """Each acceptance that was answered is one attempt that was sent, on the device it went to; each refusal one of another kind."""
    sent = Counter(each.address for each in attempts if each.outcome == "sent")
    answered = Counter(line["to"] for line in seen.accepted if line["answered"])
    if sent - answered or (answered - sent).total() > sum(unheard):
        yield f"sent by our book {dict(sent)}, accepted by theirs {dict(answered)}"
    if sum(each.outcome != "sent" for each in attempts) < _refusals(seen) - unheard.unwritten:
        yield f"{_refusals(seen)} refusals, attempts {[(each.outcome, each.code) for each in attempts]}"


def _refusals(seen: Seen) -> int:
    """Attempts that were answered with a refusal, whether or not somebody still waited for it."""
    refused = [line for line in seen.refused if line["code"] != "UNAUTHENTICATED" and line.get("stage") != "webhook"]
    return len(refused) - _late(seen)


def _late(seen: Seen) -> int:
    """Messages a provider took and told us later that they could not be delivered."""
    return len({item["id"] for item in seen.told if item.get("status") == "failed"})


def _progress(message: Any, seen: Seen) -> Iterator[str]:
    """As far as the provider or the app told, and no farther."""
    told = [STATUSES[item["status"]] for item in seen.told if item.get("status") in STATUSES]
    told += [REPORTS[item["type"]] for item in seen.told if item.get("type") in REPORTS]
    if message.status in REACHED and STATUSES[message.status] != max(told, default=0):
        yield f"told up to {max(told, default=0)}"
    if message.status == "unknown" and told:
        yield "a receipt clears the doubt"
    if _late(seen) and not told and message.status not in ("failed", "unknown"):
        yield "its failure was told"


def _strangers(our: Ours, their: Theirs) -> Iterator[str]:
    known = {message.id for message in our.messages}
    for key, seen in their.by_key.items():
        if message_id(key) not in known and (seen.accepted or seen.refused):
            yield f"{key!r} is no message of ours: {(seen.accepted + seen.refused)[:3]}"


def _addresses(our: Ours, their: Theirs) -> Iterator[str]:
    """Dropped and opted out: those the log says, and no others. A refusal whose sender had given up waiting may be unheard."""
    unheard = {message_key(message) for message, attempts in our.attempts.items() if any(each.code == "timeout" for each in attempts)}
    refused = [(key in unheard, line) for key, seen in their.by_key.items() for line in seen.refused]
    dead = {(SORT[line["channel"]], line["to"]): deaf for deaf, line in refused if line["code"] in DEAD[line["channel"]]}
    if left := (our.dead ^ dead.keys()) - {whom for whom, deaf in dead.items() if deaf}:
        yield f"dropped without reason, or not dropped: {sorted(left)[:9]}"
    said = {line["to"]: deaf for deaf, line in refused if line["code"] == str(OPTED_OUT)} | dict.fromkeys(their.said, False)
    out = {our.owners[whom]: deaf for whom, deaf in said.items()}
    if lost := (our.opted_out ^ out.keys()) - {whom for whom, deaf in out.items() if deaf}:
        yield f"opted out without reason, or not opted out: {sorted(lost)[:9]}"
