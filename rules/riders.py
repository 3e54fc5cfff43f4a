"""Riders: what a message carried when it was released before, and may not be inside it now that it is released again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rules.admission import goes_by
from rules.calendar import HolidayCalendar
from rules.digest import Outcome
from rules.facts import Candidate, Contact, Merge, Person, Policy, Release
from rules.spacing import same_topic
from rules.timetable import timetable


def left_behind(
    riders: Sequence[tuple[Candidate, int]],
    outcomes: Sequence[Outcome],
    people: Mapping[int, Person],
    history: Mapping[int, Sequence[Contact]],
    policy: Policy,
    calendar: HolidayCalendar,
    now: datetime,
) -> list[int]:
    """Ids of those that do not go along. riders: (message, id of its carrier), each carrier released by one of `outcomes`.

    As when it was merged, each must be allowed to go now by itself, by the carrier's channel, and its topic is asked.
    """
    told: dict[int, list[tuple[int, Contact]]] = {}  # by person: (the message it is inside, or it itself; contact)
    channels = {candidate.id: verdict.channel for candidate, verdict in outcomes if isinstance(verdict, Release)}
    for candidate, verdict in outcomes:
        if isinstance(verdict, Release | Merge):
            inside = verdict.carrier_id if isinstance(verdict, Merge) else candidate.id
            told.setdefault(candidate.person_id, []).append((inside, _contact(candidate, verdict.channel, now)))
    left = []
    for rider, carrier in riders:
        heard = told[rider.person_id]
        before = (each for each in history.get(rider.person_id, ()) if carrier not in (each.message_id, each.inside))
        contacts = [*before, *(contact for inside, contact in heard if inside != carrier)]
        if _stays(rider, channels[carrier], people[rider.person_id], contacts, policy, calendar, now):
            heard.append((carrier, _contact(rider, channels[carrier], now)))
        else:
            left.append(rider.id)
    return left


def _stays(
    rider: Candidate,
    channel: str,
    person: Person,
    contacts: Sequence[Contact],
    policy: Policy,
    calendar: HolidayCalendar,
    now: datetime,
) -> bool:
    category = policy.category(rider.category)
    if category.digest is None or goes_by(rider, person, policy, timetable(calendar), now) != channel:
        return False
    return "topic" in category.ignore or not same_topic(rider, contacts, policy.rules.overlap.same_topic, now)


def _contact(candidate: Candidate, channel: str, at: datetime) -> Contact:
    return Contact(candidate.id, candidate.run_id, channel, candidate.category, candidate.topic, at)
