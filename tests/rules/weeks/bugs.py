"""Bugs to plant in the rules, one at a time. Each snippet stands exactly once in its module, so that the list cannot rot."""

from __future__ import annotations

from typing import NamedTuple


class Bug(NamedTuple):
    """In a module of rules/, `right` becomes `wrong`."""

    module: str
    right: str
    wrong: str


BUGS = {
    # distance
    "the gap is still felt at its end": Bug("spacing", "if contact.at > since and", "if contact.at >= since and"),
    "a message waits for its own run": Bug("spacing", " and contact.run_id != run_id]", "]"),
    "the gap ends with the first contact": Bug("spacing", "last = max(recent", "last = min(recent"),
    "every topic is the same": Bug("spacing", "if contact.topic == topic and contact", "if contact"),
    "no topic is a topic": Bug("spacing", "    if topic is None:\n        return None\n", ""),
    "a category free of the gap keeps it": Bug("judge", '"gap" not in free and ', ""),
    "the gap goes before the topic": Bug(
        "judge", '("topic" not in free and same_topic(candidate, history, overlap.same_topic, now))\n        or ', ""
    ),
    # caps
    "a cap allows one more": Bug("caps", "if len(counted) < most or _contacts(counted) < most:", "if _contacts(counted) <= most:"),
    "a cap of nothing is no cap": Bug("caps", "return NEVER", "return None"),
    "a day is one of UTC": Bug("localtime", "today = at.astimezone(local).date()", "today = at.date()"),
    "a week begins on Sunday": Bug("localtime", "timedelta(days=today.weekday())", "timedelta(days=today.isoweekday() % 7)"),
    "a rolling period is felt at its end": Bug("caps", "(now - per + datetime.resolution, None)", "(now - per, None)"),
    "the first to grow old frees a place": Bug("caps", "return left[-most].at + per", "return left[0].at + per"),
    "the mildest cap wins": Bug("caps", "until > strictest[0])", "until < strictest[0])"),
    "a run counts once a channel": Bug("caps", "return sum(busiest.values())", "return len(counted)"),
    "a run is held back by its other channels": Bug(
        "caps", "and (contact.run_id != run_id or (contact.channel == channel and contact.message_id != own))\n", "\n"
    ),
    "a cap of a channel counts every channel": Bug("caps", "and (each.channel is None or contact.channel == each.channel)\n", "\n"),
    "a cap of a category holds back others": Bug("caps", " or each.category not in (None, candidate.category):", ":"),
    "what does not count is counted": Bug("caps", "    if uncounted:\n", "    if False:\n"),
    "history is not read for the caps": Bug("policy", '`same_topic`"), *caps])', '`same_topic`")])'),
    # hours
    "a window is open at its end": Bug("windows", "bisect_right(self._ends, at)", "sum(end < at for end in self._ends)"),
    "a weekday is judged in UTC": Bug(
        "windows", "interval(at_minute(start), at_minute(end), self._zone)", 'interval(at_minute(start), at_minute(end), ZoneInfo("UTC"))'
    ),
    "a span over midnight is the next day's": Bug(
        "weekly",
        "(midnight + span.start, midnight + span.end)",
        "(midnight + span.start - (span.end > 1440) * 1440, midnight + span.end - (span.end > 1440) * 1440)",
    ),
    "a holiday is like any day": Bug("windows", "self._calendar.is_holiday(at_minute(day * MINUTES_A_DAY).date())", "False"),
    "joint leave is worked": Bug("calendar", '("public", "government")', '("public",)'),
    "an added holiday is worked": Bug("calendar", "for day in self._holidays.add if day.year == year}", "for day in ()}"),
    "contact hours are not asked": Bug(
        "admission",
        "return (candidate.window, person.contact_hours) if person.contact_hours else (candidate.window,)",
        "return (candidate.window,)",
    ),
    "a message without a window goes at any hour": Bug(
        "admission", "    if candidate.window is None:\n        return None\n", "    if candidate.window is None:\n        return ()\n"
    ),
    "the end of a span is cut at midnight": Bug("weekly", ", midnight + span.end)", ", midnight + min(span.end, 1440))"),
    # consent
    "consent to one channel is consent to all": Bug(
        "consent",
        "    consent = person.consents.get(channel)\n    return None if",
        '    consent = person.consents.get("push")\n    return None if',
    ),
    "an opt-out is not heard": Bug("consent", "if channel in person.opted_out:", "if channel in ():"),
    "offers come at any hour": Bug("admission", "offer_hours(channel, person, policy) if category.offer else ()", "()"),
    "hours are for every category": Bug(
        "admission", "offer_hours(channel, person, policy) if category.offer else ()", "offer_hours(channel, person, policy)"
    ),
    "consented hours are not asked": Bug(
        "consent", "return (lawful, consent.hours) if consent and consent.hours else (lawful,)", "return (lawful,)"
    ),
    "the house's word on channels is not asked": Bug(
        "policy", "personal if rules.personal_channels is None else rules.personal_channels", "personal"
    ),
    # address, expiry
    "an address is not asked for": Bug("admission", "channel in self._policy.needs_address and channel not in", "False and channel not in"),
    "what has expired goes": Bug("admission", "if now >= self._deadline:", "if now > self._deadline:"),
    "a deferral may last to the end": Bug(
        "admission",
        "or until >= self._deadline:\n            return Suppress(reason)\n        opens = self.openings.next(until, self._deadline)",
        "or until >= self._deadline:\n            return Suppress(reason)\n        opens = self.openings.next(until)",
    ),
    "queue_for is not asked": Bug("admission", "self._deadline = candidate.deadline", "self._deadline = candidate.expires_at"),
    "patience and expiry have one name": Bug("admission", '"" if now >= candidate.expires_at else QUEUE_FOR', '""'),
    "only the first channel is tried": Bug("judge", "if not isinstance(verdict, Suppress):", "if True:"),
    "the last channel names the reason": Bug("judge", "refused = refused or verdict", "refused = verdict"),
    "the next channel is taken to save time": Bug("judge", "if not isinstance(verdict, Suppress):", "if isinstance(verdict, Release):"),
    # digests
    "another category goes inside": Bug("digest", "other.category != carrier.category or ", ""),
    "what was queued long before goes inside": Bug("digest", "abs(other.queued_at - carrier.queued_at) > category.digest.within or ", ""),
    "what could not go by itself goes inside": Bug("digest", "self._goes_by(other) != channel", "False"),
    "a topic is repeated inside": Bug("digest", 'return "topic" in category.ignore or not same_topic', "return True or same_topic"),
    "what was tried goes inside": Bug("digest", " and other.id not in self._apart", ""),
    "a digest goes without words": Bug(
        "digest", "        if isinstance(verdict, Release) and candidate.id in able:\n", "        if isinstance(verdict, Release):\n"
    ),
    "the lesser carries the greater": Bug("digest", "return not ranks_before and", "return"),
    "what waits for one inside goes on waiting": Bug("digest", "return None if named or", "return None if"),
    # precedence
    "the least important goes first": Bug("arbitration", "return -candidate.priority,", "return candidate.priority,"),
    "expiry ranks nothing": Bug("arbitration", "candidate.expires_at, candidate.run_id, candidate.id", "candidate.run_id, candidate.id"),
    "the later run goes first": Bug("arbitration", "candidate.expires_at, candidate.run_id,", "candidate.expires_at, -candidate.run_id,"),
    "nothing waits for what is greater": Bug("arbitration", "if blocked := in_the_way(", "if False and in_the_way("),
    "a tick forgets what it released": Bug("arbitration", "self._told.get(person_id) or ", ""),
    "rivals are not heard of": Bug("arbitration", "desk.expect(candidate, candidate.ready_at)", "pass"),
    "a rival is always ready": Bug("arbitration", "desk.expect(candidate, candidate.ready_at)", "desk.expect(candidate, None)"),
    "what is deferred in a tick is not waited for": Bug("arbitration", "elif not isinstance(verdict, Suppress):", "elif verdict is None:"),
    "a full channel takes one more": Bug("arbitration", "if left + spare <= 0:", "if left + spare < 0:"),
    "room is never used up": Bug("arbitration", "= left - 1", "= left"),
    "the greater is waited for beyond the opening": Bug("precedence", "        if at >= before:\n            return None\n", ""),
    "hours that never close close at once": Bug("precedence", "period(Calendar.DAY, person.zone, now)[1]", "now"),
    "a lesser message waits for one it does not block": Bug(
        "precedence", "[*told, contact], policy, calendar, found.at), Release)", "[*told, contact], policy, calendar, found.at), Suppress)"
    ),
    "the lesser waits half as long": Bug(
        "precedence", "return Defer(blocked.at, reason) if", "return Defer(now + (blocked.at - now) / 2, reason) if"
    ),
    "the lesser outlives its deadline": Bug(
        "precedence", "if blocked.at < candidate.deadline else Suppress(reason)", "if True else Suppress(reason)"
    ),
    "want of room is a reason to drop": Bug(
        "precedence",
        " or until < min(blocked.closes, candidate.deadline) else None",
        " else Suppress(reason)",
    ),
    "who waits for one without room is looked at on every tick": Bug("precedence", "timedelta(minutes=5)", "timedelta(0)"),
    "the greater one alone is not judged again": Bug("precedence", "        at = verdict.until\n", "        return None\n"),
}
