"""From what adapters answered to what becomes of a message: pure functions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from channels.base import Outcome, Rejected, Retry, Sent, Unknown
from jobs.retry import next_attempt
from store.outbox import Settlement

# One device that took it makes the message sent; a doubtful one is worse to repeat than a refused one. A person is not there
# only when that was said of every address.
_BEST = (Sent, Unknown, Retry, Rejected)


def combine(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of a message from those of its addresses."""
    return min(outcomes, key=lambda outcome: (_BEST.index(type(outcome)), isinstance(outcome, Rejected) and outcome.elsewhere))


def outcome_row(outcome: Outcome) -> tuple[str, str | None, str | None]:
    """(outcome, code, provider id) as the attempts table keeps it."""
    if isinstance(outcome, Sent):
        return "sent", None, outcome.provider_id
    return type(outcome).__name__.lower(), outcome.code, None


def doubtful(outcomes: Sequence[Outcome]) -> bool:
    """May one of these have been accepted, although its answer does not say so?"""
    return any(isinstance(outcome, Unknown) or (isinstance(outcome, Retry) and outcome.doubtful) for outcome in outcomes)


def settlement(
    row: Any, outcome: Outcome, *, now: datetime, resend: bool, chance: random.Random, free: bool = False, doubted: bool = False
) -> Settlement:
    """row: a claimed message (id, fence, attempts, expires_at, doubted_at). resend: its category repeats a doubtful send, flagged.

    free:    a retry is no try of this message, since all others of its kind were refused as well
    doubted: one of its addresses may have been reached. Such a message, now or earlier, never fails: it is unknown
    """
    found = replace(_settlement(row, outcome, now, resend, chance, free), doubted=doubted)
    if found.status == "failed" and (doubted or row.doubted_at is not None):
        return replace(found, status="unknown", reason=f"in_doubt:{found.reason}")
    return found


def _settlement(row: Any, outcome: Outcome, now: datetime, resend: bool, chance: random.Random, free: bool) -> Settlement:
    match outcome:
        case Sent(provider_id):
            return Settlement(row.id, row.fence, "sent", now, provider_id=provider_id)
        case Rejected(code):
            return Settlement(row.id, row.fence, "failed", now, code)
        case Unknown(code) if not resend:
            return Settlement(row.id, row.fence, "unknown", now, code)
        case Unknown(code):
            return _again(row, code, None, now, chance, doubtful=True)
        case Retry(code, after):
            return _again(row, code, after, now, chance, doubtful=False, free=free)


def _again(row: Any, code: str, after: Any, now: datetime, chance: random.Random, *, doubtful: bool, free: bool = False) -> Settlement:
    wait = next_attempt(row.attempts - free, after, chance)
    if wait is None:
        return Settlement(row.id, row.fence, "failed", now, f"tries_used_up:{code}", doubtful=doubtful)
    if now + wait >= row.expires_at:
        return Settlement(row.id, row.fence, "failed", now, f"too_late_to_retry:{code}", doubtful=doubtful)
    until = now + wait
    return Settlement(row.id, row.fence, "deferred", now, f"retry:{code}", next_attempt_at=until, uncounted=int(free), doubtful=doubtful)
