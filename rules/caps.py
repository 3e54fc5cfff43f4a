"""Frequency caps: at most so many contacts per calendar period in the person's zone, or per rolling period.

A run counts as often as it reached the person on its busiest channel: its push and its e-mail are one contact, two pushes of it
are two. The candidate's own run counts only by what else it sent on the candidate's channel. A rolling contact at T counts in
[T, T + period). Contacts of categories with `counts_in_caps: false` are not counted by any cap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from config.models import Cap
from config.values import Calendar
from rules.facts import Candidate, Code, Contact, Reason
from rules.localtime import period
from rules.spacing import Block

NEVER = datetime.max.replace(tzinfo=UTC)


def cap(
    candidate: Candidate,
    channel: str,
    history: Sequence[Contact],
    caps: Sequence[Cap],
    zone: str,
    now: datetime,
    uncounted: frozenset[str] = frozenset(),
) -> Block | None:
    """The strictest cap that is used up, and when the candidate next fits it; NEVER for a cap of 0. uncounted: categories."""
    if uncounted:
        history = [contact for contact in history if contact.category not in uncounted]
    strictest: tuple[datetime, Cap] | None = None
    for each in caps:
        if each.channel not in (None, channel) or each.category not in (None, candidate.category):
            continue
        until = _fits_at(each, candidate, channel, history, zone, now)
        if until is not None and (strictest is None or until > strictest[0]):
            strictest = until, each
    return (strictest[0], Reason(Code.CAP, strictest[1].name)) if strictest else None


def _fits_at(each: Cap, candidate: Candidate, channel: str, history: Sequence[Contact], zone: str, now: datetime) -> datetime | None:
    """None: it fits now."""
    most, per = each.max, each.per
    if most == 0:
        return NEVER
    if len(history) < most:
        return None
    since, end = period(per, zone, now) if isinstance(per, Calendar) else (now - per + datetime.resolution, None)
    counted = _counted(each, candidate, channel, history, since)
    if len(counted) < most or _contacts(counted) < most:
        return None
    return end if isinstance(per, Calendar) else _fallen_out(per, most, counted)


def _counted(each: Cap, candidate: Candidate, channel: str, history: Sequence[Contact], since: datetime) -> list[Contact]:
    own, run_id = candidate.id, candidate.run_id
    return [
        contact
        for contact in history
        if contact.at >= since
        and not contact.inside
        and (each.channel is None or contact.channel == each.channel)
        and (each.category is None or contact.category == each.category)
        and (contact.run_id != run_id or (contact.channel == channel and contact.message_id != own))
    ]


def _fallen_out(per: timedelta, most: int, counted: list[Contact]) -> datetime:
    left = sorted(counted, key=attrgetter("at"))
    if _distinct(left):
        return left[-most].at + per
    while True:
        until = left[0].at + per
        del left[0]
        if _contacts(left) < most:
            return until


def _contacts(counted: list[Contact]) -> int:
    if _distinct(counted):
        return len(counted)
    busiest: dict[int, int] = {}
    for (run_id, _), sent in Counter((contact.run_id, contact.channel) for contact in counted).items():
        busiest[run_id] = max(sent, busiest.get(run_id, 0))
    return sum(busiest.values())


def _distinct(counted: list[Contact]) -> bool:
    """The common case: every contact is of another run, and counts for itself."""
    return len({contact.run_id for contact in counted}) == len(counted)
