"""Plays one imaginary customer's messages forward by the very rules that the valve uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rules.arbitration import arbitrate
from rules.facts import Code, Contact, Defer, Person, Reason, Release, Suppress
from scheduler.outlook.scene import PERSON, Message, Scene

_HOURS = (Code.OUTSIDE_WINDOW, Code.NO_HOURS_CONSENT)


@dataclass(frozen=True, slots=True)
class Fate:
    """at: when it goes; None: never. reasons: what it waited for, its hours aside, and why it never goes last."""

    message: Message
    at: datetime | None
    channel: str
    reasons: tuple[Reason, ...]

    @property
    def reason(self) -> Reason | None:
        """What kept it from its time in the end; None when nothing did."""
        return self.reasons[-1] if self.reasons else None


def play(scene: Scene, person: Person, messages: Sequence[Message]) -> list[Fate]:
    """What becomes of each message when there are these alone, in the order they go or are given up."""
    waiting = {message.candidate.id: message for message in messages}
    wake = {message.candidate.id: message.occurrence.at for message in messages}
    held: dict[int, tuple[Reason, ...]] = {}
    history: list[Contact] = []
    fates: list[Fate] = []
    while waiting:
        now = min(wake.values())
        here = [(message.candidate, wake[id]) for id, message in waiting.items() if message.occurrence.at <= now]
        awake = [candidate for candidate, at in here if at <= now]
        asleep = [replace(candidate, ready_at=at) for candidate, at in here if at > now]
        history = [contact for contact in history if contact.at > now - scene.published.policy.lookback]
        policy, calendar = scene.published.policy, scene.published.calendar
        decided = arbitrate(awake, {PERSON: person}, {PERSON: history}, policy, calendar, now, {}, asleep)
        for candidate, verdict in decided:
            if isinstance(verdict, Defer):
                wake[candidate.id] = verdict.until
                if verdict.reason.code not in _HOURS:
                    held[candidate.id] = (*held.get(candidate.id, ()), verdict.reason)
                continue
            message = waiting.pop(candidate.id)
            del wake[candidate.id]
            if isinstance(verdict, Release):
                history.append(Contact(candidate.id, candidate.run_id, verdict.channel, candidate.category, candidate.topic, now))
                fates.append(Fate(message, now, verdict.channel, held.get(candidate.id, ())))
            elif isinstance(verdict, Suppress):
                fates.append(Fate(message, None, message.channel, (*held.get(candidate.id, ()), verdict.reason)))
    return fates
