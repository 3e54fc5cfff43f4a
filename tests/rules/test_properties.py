from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.values import OpenHours
from rules.arbitration import arbitrate
from rules.caps import cap
from rules.facts import Candidate, Contact, Defer, Person, Policy, Release, Suppress
from rules.judge import judge
from rules.weekly import may_open
from rules.windows import Openings
from tests.rules import oracle, worlds
from tests.rules.make import CALENDAR, DAY, message, rules

MINUTE = timedelta(minutes=1)
thorough = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@settings(thorough, max_examples=40)
@given(st.lists(st.lists(worlds.weekly_hours(), min_size=1, max_size=2), min_size=1, max_size=2), worlds.zones, worlds.moments())
def test_openings_are_what_stepping_minutes_finds(needs: list[list[OpenHours]], zone: str, now: datetime) -> None:
    wanted = [tuple(need) for need in needs]
    naive = oracle.open_minutes(wanted, zone, now - DAY, now + 2 * DAY)
    openings = Openings(CALENDAR, zone, wanted)
    for step in range(1440):
        at = now + step * MINUTE
        assert openings.is_open(at) == (at in naive)
    found = openings.next(now)
    assert found == min((at for at in naive if at >= now), default=found)
    assert not (naive and not may_open(wanted))


@settings(thorough, max_examples=150)
@given(st.data(), worlds.caps, worlds.zones, worlds.moments())
def test_a_cap_is_lifted_at_the_first_minute_at_which_counting_agrees(
    data: st.DataObject, written: dict[str, object], zone: str, now: datetime
) -> None:
    history = [data.draw(worlds.contacts(id, now)) for id in range(data.draw(st.integers(0, 7)))]
    candidate, policy = message(run=data.draw(st.integers(1, 6))), rules(caps=[written])
    each = policy.rules.overlap.caps[0]
    block = cap(candidate, "push", history, policy.rules.overlap.caps, zone, now)
    if block is None:
        assert oracle.fits(each, candidate, "push", history, zone, now)
        return
    until = block[0]
    assert oracle.fits(each, candidate, "push", history, zone, until)
    steps = {1, 2, 30, 60, *range(97, int((until - now) / MINUTE), 97)}
    assert not any(
        oracle.fits(each, candidate, "push", history, zone, until - step * MINUTE) for step in steps if until - step * MINUTE >= now
    )


@settings(thorough, max_examples=100)
@given(st.data(), worlds.policies(), worlds.people(1), worlds.moments())
def test_a_verdict_breaks_no_rule_and_waits_no_longer_than_it_must(
    data: st.DataObject, policy: Policy, person: Person, now: datetime
) -> None:
    history = [data.draw(worlds.contacts(100 + id, now)) for id in range(data.draw(st.integers(0, 5)))]
    candidate = data.draw(worlds.messages(1, now, people=1))
    verdict = judge(candidate, person, history, policy, CALENDAR, now)
    if isinstance(verdict, Release):
        assert oracle.breaches(candidate, verdict.channel, person, history, policy, now) == []
    if isinstance(verdict, Defer):
        assert now < verdict.until < candidate.expires_at
        again = judge(candidate, person, history, policy, CALENDAR, verdict.until)
        assert isinstance(again, Release) or again.reason != verdict.reason
    if isinstance(verdict, Suppress) or (isinstance(verdict, Defer) and len(candidate.channels) == 1):
        last = verdict.until if isinstance(verdict, Defer) else candidate.expires_at
        assert not [at for at in sampled(now, last) if could_go(candidate, person, history, policy, at)], verdict


def sampled(now: datetime, last: datetime) -> list[datetime]:
    return [now + minute * MINUTE for minute in range(0, int((last - now) / MINUTE), 43)]


def could_go(candidate: Candidate, person: Person, history: Sequence[Contact], policy: Policy, at: datetime) -> bool:
    """On any of its channels; the second pass of a repeated hour, which may count or not, is left to the test of openings."""
    if at.astimezone(ZoneInfo(person.zone)).fold:
        return False
    return any(
        not oracle.breaches(candidate, channel, person, history, policy, at)
        for channel in candidate.channels
        if channel not in policy.needs_address or channel in person.reachable
    )


@settings(thorough, max_examples=60)
@given(st.data(), worlds.policies(), worlds.moments())
def test_no_sequence_of_ticks_ever_breaks_a_rule(data: st.DataObject, policy: Policy, start: datetime) -> None:
    people = {id: data.draw(worlds.people(id)) for id in (1, 2)}
    queued = {id: data.draw(worlds.messages(id, start, people=2)) for id in range(1, data.draw(st.integers(2, 14)))}
    wake = dict.fromkeys(queued, start)
    history: dict[int, list[Contact]] = {1: [], 2: []}
    now = start
    for pause in data.draw(st.lists(st.integers(1, 700), min_size=5, max_size=40)):
        due = [candidate for id, candidate in queued.items() if wake[id] <= now]
        room = {"push": data.draw(st.integers(0, 2)), "email": 1}
        for candidate, verdict in arbitrate(due, people, history, policy, CALENDAR, now, room):
            if isinstance(verdict, Release):
                room = release(candidate, verdict.channel, people, history, policy, now, room)
            elif isinstance(verdict, Defer):
                assert now < verdict.until < candidate.expires_at
                wake[candidate.id] = verdict.until
            if isinstance(verdict, Release | Suppress):
                del queued[candidate.id]
        now += pause * MINUTE


def release(
    candidate: Candidate,
    channel: str,
    people: dict[int, Person],
    history: dict[int, list[Contact]],
    policy: Policy,
    now: datetime,
    room: dict[str, int],
) -> dict[str, int]:
    told = history[candidate.person_id]
    assert oracle.breaches(candidate, channel, people[candidate.person_id], told, policy, now) == []
    told.append(Contact(candidate.id, candidate.run_id, channel, candidate.category, candidate.topic, now))
    left = room.get(channel, 1) - 1
    assert left >= 0
    return {**room, channel: left} if channel in room else room
