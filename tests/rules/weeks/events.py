"""What happens in a week between two ticks: time passes, clocks jump, people and operations change their minds."""

from __future__ import annotations

from dataclasses import replace

from tests.rules.weeks import worlds
from tests.rules.weeks.almanac import EVER, almanac, first
from tests.rules.weeks.asking import tick
from tests.rules.weeks.rulebook import Rulebook
from tests.rules.weeks.verdicts import NEEDS_ADDRESS, PERSONAL
from tests.rules.weeks.week import Week, begin
from tests.rules.weeks.worlds import Pick


def live(pick: Pick, rules: Rulebook) -> Week:
    """A week from beginning to end, and on until the last message has ended."""
    week = begin(pick, rules)
    for _ in range(pick((8, 14, 20, 26))):
        happen(week, pick(worlds.EVENTS))
        week.advance(0)
        tick(week, pick(worlds.ROOMS), thorough=pick((False, False, True)))
        week.advance(step(week, pick(worlds.STEPS)))
    finish(week)
    return week


def finish(week: Week) -> None:
    """Everything is let go, and the clock runs to where the last message expires."""
    week.paused.clear()
    for kind in ("wake", "edge") * 5:
        week.advance(step(week, kind))
        tick(week, {}, thorough=False)
    last = max(week.almanac.minute(letter.base.expires_at) for letter in week.letters)
    for minute in (last, last + 200, last + 400):
        week.advance(minute - week.clock)
        for letter in week.letters:
            letter.ready = None
        tick(week, {}, thorough=True)


def step(week: Week, kind: str) -> int:
    """How long until the next tick."""
    wakes = [letter.ready for letter in week.letters if letter.state == "waiting" and letter.ready] + [
        each.planned for each in week.letters
    ]
    wake = min((minute for minute in wakes if minute > week.now), default=week.now + 700) - week.now
    edge = _edge(week)
    fixed = {"minute": 1, "quarter": 15, "hour": 60, "jump": 700, "back": -40}
    wait = fixed.get(kind) or {"wake": wake, "before wake": wake - 1, "edge": edge, "before edge": edge - 1}[kind]
    return wait if week.now + wait < worlds.WEEK else 1


def _edge(week: Week) -> int:
    """Until the next minute at which some window opens or closes."""
    hours = [week.hours_of(letter) for letter in week.letters if letter.state == "waiting"]
    edges = [first((minutes ^ minutes << 1) & EVER, week.now + 1) for minutes in hours]
    return min((edge for edge in edges if edge is not None), default=week.now + 60) - week.now


def happen(week: Week, event: str) -> None:
    """One of worlds.EVENTS."""
    pick = week.pick
    if event == "pause campaign":
        week.paused.add(pick(week.letters).base.campaign)
    elif event == "pause channel":
        week.paused.add(pick(worlds.CHANNELS))
    elif event == "resume":
        week.paused.clear()
    elif event == "block channel":
        week.blocked[pick(worlds.CHANNELS)] = week.now + pick((10, 90))
    elif event == "rules":
        _new_rules(week)
    elif event != "nothing":
        _change(week, event)


def _change(week: Week, event: str) -> None:
    pick = week.pick
    id = pick(sorted(week.people))
    person = week.people[id]
    if event == "opt out":
        person = replace(person, opted_out=person.opted_out | {pick(worlds.CHANNELS)})
    elif event == "consent":
        person = replace(person, consents={**person.consents, pick(worlds.CHANNELS): pick(worlds.CONSENTS)})
    elif event == "contact hours":
        person = replace(person, contact_hours=pick(worlds.CONTACT_HOURS))
    else:
        person = replace(person, zone=pick(worlds.ZONES))
    week.people[id] = person


def _new_rules(week: Week) -> None:
    """In force at the next tick for everything that waits; what is tried again keeps its time."""
    start = f"{week.almanac.start:%Y-%m-%d}"
    week.book = worlds.book(week.pick, worlds.STARTS[start])
    week.almanac = almanac(start, week.book.added)
    week.policy = week.rulebook.policy(week.book.rules, PERSONAL, NEEDS_ADDRESS)
    for letter in week.letters:
        if not letter.attempts:
            letter.ready = None
