"""What must hold at the end of a seed, by the providers' own log, the ledger of changes, and what the messages say they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.simulation.ledger import Change
from tests.simulation.play import Play, Word
from tests.simulation.provider import Taken

REPEATS = {"push", "popup"}  # their receivers collapse a second copy by our key
RESENDS = {"service"}
ENDS = {"sent", "delivered", "read", "failed", "unknown", "suppressed", "expired", "cancelled"}
WENT = {"sent", "delivered", "read", "unknown"}
LEASE = timedelta(seconds=120)
TOLD_WITHIN = timedelta(seconds=3)  # of a pause or of "slow down": the turn that was taken before, and the next look at the row
_STATES = Path(__file__).parents[2] / "docs" / "states.md"
_PAGE = re.compile(r"^\| (.+?) \| (.+?) \| .+ \| `\w+\.\w+` \|$", re.MULTILINE)


def legal() -> set[tuple[str | None, str]]:
    """(from, to) of every move the page of states knows."""
    found: set[tuple[str | None, str]] = set()
    for before, after in _PAGE.findall(_STATES.read_text(encoding="utf-8").partition("## A run")[0]):
        found |= {(was, now) for was in re.findall(r"`(\w+)`", before) or [None] for now in re.findall(r"`(\w+)`", after)}
    return found


def faults(play: Play) -> list[str]:
    """Everything that is wrong, in words; empty when nothing is."""
    messages = {row.id: row for row in play.books.messages()}
    changes = play.books.changes()
    attempts: dict[int, list[Taken]] = defaultdict(list)
    for taken in play.log:
        attempts[taken.message].append(taken)
    return [
        *play.problems,
        *_counted(play, messages),
        *_ended(messages, attempts),
        *_doubled(messages, attempts),
        *_elsewhere(attempts),
        *_moves(changes),
        *_paced(play),
        *_slowed(play),
        *_stopped(play),
        *_opted_out(play, changes),
    ]


def _counted(play: Play, messages: dict[int, Any]) -> Iterator[str]:
    [row] = play.books.ask(
        """SELECT (SELECT coalesce(sum(messages), 0) FROM runs) AS planned,
                  (SELECT count(*) FROM messages WHERE follows_id IS NULL) AS there,
                  (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM messages WHERE follows_id IS NOT NULL) AS after"""
    )
    if row.planned not in (row.there, row.there + row.after):
        yield f"runs say {row.planned} messages were planned, there are {row.there} and {row.after} that follow"
    if row.events != play.events:
        yield f"{play.events} events came, {row.events} are known"
    [late] = play.books.ask("""SELECT count(*) AS n FROM attempts a LEFT JOIN messages m ON m.id = a.message_id WHERE m.id IS NULL""")
    if late.n:
        yield "attempts without a message"


def _ended(messages: dict[int, Any], attempts: dict[int, list[Taken]]) -> Iterator[str]:
    for number, row in messages.items():
        accepted = [taken for taken in attempts[number] if taken.accepted]
        if row.status not in ENDS and not (row.status == "merged" and row.carrier in WENT):
            yield f"message {number} is {row.status} ({row.reason}) at the end"
        if row.run != "finished":
            yield f"the run of message {number} is {row.run} at the end"
        if row.status in ("sent", "delivered", "read") and row.channel != "popup" and not accepted:
            yield f"message {number} is {row.status} and no provider took it"
        if accepted and row.status not in WENT and not any(taken.failed for taken in accepted):
            yield f"message {number} was taken by {accepted[-1].account} and is {row.status} ({row.reason})"


def _doubled(messages: dict[int, Any], attempts: dict[int, list[Taken]]) -> Iterator[str]:
    for number, every in attempts.items():
        row = messages[number]
        if len({taken.key for taken in every}) > 1:
            yield f"message {number} went under several keys"
        by_address: dict[tuple[str, str], list[Taken]] = defaultdict(list)
        for taken in every:
            by_address[taken.channel, taken.to].append(taken)
        for (channel, _), those in by_address.items():
            copies = sum(bool(taken.accepted) for taken in those)
            if copies > 1 and channel not in REPEATS:
                if row.category not in RESENDS:
                    yield f"message {number} of {row.category} was taken {copies} times by {channel}"
                elif not row.maybe_duplicate:
                    yield f"message {number} was taken {copies} times by {channel} and is not flagged"


def _elsewhere(attempts: dict[int, list[Taken]]) -> Iterator[str]:
    """What may have arrived by one channel is not tried by another."""
    for number, every in attempts.items():
        for place, later in enumerate(every):
            for before in every[:place]:
                doubtful = before.accepted or before.answer in ("Unknown", "none")
                if before.channel != later.channel and doubtful and not before.failed:
                    yield f"message {number} went by {later.channel} though it may have arrived by {before.channel}"


def _moves(changes: Sequence[Change]) -> Iterator[str]:
    allowed = legal()
    for change in changes:
        if change.was != change.became and (change.was, change.became) not in allowed:
            yield f"message {change.message} went from {change.was} to {change.became}"
        if change.fence_before is not None and change.fence < change.fence_before:
            yield f"the fence of message {change.message} fell from {change.fence_before} to {change.fence}"


def _paced(play: Play) -> Iterator[str]:
    by_account: dict[str, list[Taken]] = defaultdict(list)
    for taken in play.log:
        by_account[taken.account].append(taken)
    for account, every in by_account.items():
        # Beside the pace, the first of a lease may be late, once a worker.
        most = int(play.rates[account][1] * 1.05) + 2
        for place in range(len(every) - most):
            if every[place + most].at - every[place].at < timedelta(seconds=1):
                yield f"{account} was given {most + 1} within a second from {every[place].at:%H:%M:%S.%f}"
                break


def _slowed(play: Play) -> Iterator[str]:
    for told in play.log:
        if told.slow is None or told.answered_at is None:
            continue
        since, until = told.answered_at + TOLD_WITHIN, told.answered_at + told.slow
        excused = any(who == told.process and told.answered_at - TOLD_WITHIN < at < until for at, who in play.struck)
        excused = excused or any(told.answered_at <= at < until for at in play.lifted)
        if not excused and any(taken.account == told.account and since < taken.at < until for taken in play.log):
            yield f"{told.account} was used though it asked for less at {told.answered_at:%H:%M:%S}"


def _stopped(play: Play) -> Iterator[str]:
    for word in (word for word in play.words if word.person is None):
        lifted = min((at for at in play.lifted if at >= word.at), default=None)
        for taken in play.log:
            held = word.campaign in (None, taken.campaign) and word.channel in (None, taken.channel)
            if held and taken.at > word.at + TOLD_WITHIN and (lifted is None or taken.at < lifted):
                yield f"message {taken.message} went by {taken.channel} at {taken.at:%H:%M:%S}, paused since {word.at:%H:%M:%S}"


def _opted_out(play: Play, changes: Sequence[Change]) -> Iterator[str]:
    claims = [(change.message, change.fence, change.channel, change.lease_until) for change in changes if change.became == "sending"]
    whose = {taken.message: (taken.person, taken.category) for taken in play.log}
    for word in (word for word in play.words if word.person is not None):
        yield from _claimed_after(word, claims, whose)


def _claimed_after(word: Word, claims: Sequence[tuple[int, int, str, Any]], whose: dict[int, tuple[int, str]]) -> Iterator[str]:
    for message, _, channel, lease_until in claims:
        if channel == word.channel and whose.get(message) == (word.person, "promo") and lease_until - LEASE > word.at:
            yield f"offer {message} was claimed for {channel} after the customer had opted out"
