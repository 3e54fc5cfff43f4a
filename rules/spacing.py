"""Distance between the contacts of different runs: the gap between any two, and the longer one between two on a topic.

A contact at T blocks [T, T + distance). Messages of one run are one contact and never block each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from rules.facts import Candidate, Code, Contact, Reason

Block = tuple[datetime, Reason]  # until when, and what stands in the way


def same_topic(candidate: Candidate, history: Sequence[Contact], distance: timedelta, now: datetime) -> Block | None:
    """Until the last contact of another run on the candidate's topic is `distance` ago."""
    topic = candidate.topic
    if topic is None:
        return None
    # What is inside of a message that goes again in doubt does not stand in its own carrier's way.
    told = [contact for contact in history if contact.topic == topic and contact.inside != candidate.id]
    return _block(candidate, told, distance, now, Code.SAME_TOPIC)


def gap(candidate: Candidate, history: Sequence[Contact], distance: timedelta, now: datetime) -> Block | None:
    """Until the last contact of another run is `distance` ago, whatever its channel."""
    return _block(candidate, [contact for contact in history if not contact.inside], distance, now, Code.GAP)


def _block(candidate: Candidate, contacts: Sequence[Contact], distance: timedelta, now: datetime, code: Code) -> Block | None:
    if not contacts:
        return None
    since, run_id = now - distance, candidate.run_id
    recent = [contact for contact in contacts if contact.at > since and contact.run_id != run_id]
    if not recent:
        return None
    last = max(recent, key=attrgetter("at", "message_id"))
    return last.at + distance, Reason(code, str(last.message_id))
