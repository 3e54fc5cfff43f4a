"""A person's timeline as sentences: what happened to each message, oldest first, and what happens next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import zip_longest

from channels.registry import CHANNELS
from config.redaction import scrub
from config.values import format_duration
from console.cli.prospects import prospect
from console.cli.reasons import Explanation, explain_end
from console.cli.teller import Teller, unanswered
from store.timeline import Attempt, Decision, Message, Timeline

_BRIEF = timedelta(minutes=1)
_OUTCOMES = {
    "sent": "accepted by the provider",
    "retry": "the provider could not take it now",
    "rejected": "refused by the provider",
    "unknown": "no clear answer of the provider, it may have gone out",
}
_ECHOES = {
    "clicked": "opened from the message",
    "dismissed": "dismissed by the person",
    "replied": "the person answered",
    "opted_out": "the person opted out",
    "complained": "the person called it spam",
    "opted_in": "the person opted in again",
    "failed": "the provider says that it could not be delivered",
    "error": "the app could not show it",
}
_ENDINGS = {"suppressed": "not sent", "expired": "not sent", "cancelled": "cancelled", "failed": "failed", "unknown": "uncertain"}


@dataclass(frozen=True, slots=True)
class Line:
    """where: the line of the configuration that said so, or empty. decision: what it tells, where it tells one of the trail."""

    at: datetime
    text: str
    where: str = ""
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Tale:
    """One message: its facts, what happened to it, and what comes next if it still waits."""

    message: Message
    lines: tuple[Line, ...]
    next: Explanation | None


def tales(timeline: Timeline, teller: Teller, campaign: str | None = None) -> tuple[Tale, ...]:
    """Each message's story; of one campaign if asked."""
    wanted = [message for message in timeline.messages if campaign in (None, message.campaign)]
    return tuple(Tale(message, _lines(message, teller), prospect(message, teller)) for message in wanted)


def _lines(message: Message, teller: Teller) -> tuple[Line, ...]:
    # Providers tell whole seconds, and by clocks of their own: nothing came back before it had left.
    left = message.sent_at or message.queued_at
    lines = [(line.at, line) for line in _told(message, teller)]
    lines += [
        (max(line.at, left), line)
        for line in (*_took_along(message, teller), *_came_back(message), *_followed(message, teller), *_ending(message, teller))
    ]
    return tuple(line for _, line in sorted(lines, key=lambda timed: timed[0]))


def _told(message: Message, teller: Teller) -> Iterator[Line]:
    yield _planned(message, teller)
    attempts = list(message.attempts)
    steps = list(_worth_telling(message.trail))
    for step, following in zip_longest(steps, steps[1:]):
        # A retry is decided on the answer to an attempt of the same moment, which is told first.
        retried = (step.why or "").startswith(("retry:", "moved_on:"))
        while attempts and (attempts[0].at < step.at or (retried and attempts[0].at == step.at and attempts[0].outcome != "sent")):
            yield _attempt(message, attempts.pop(0))
        yield replace(_step(message, step, following, teller), decision=step)
    yield from (_attempt(message, attempt) for attempt in attempts)


def _planned(message: Message, teller: Teller) -> Line:
    bounds = f"worthless after {teller.time(message.expires_at)}"
    if message.queue_until and message.queue_until < message.expires_at:
        bounds = f"waits for the rules until {teller.time(message.queue_until)} at the most, {bounds}"
    if message.follows_id:
        first = teller.other(message.follows_id)
        text = f"planned to follow {first}, which {unanswered(message)}; to go by {message.channel}; {bounds}"
        return Line(message.queued_at, text, teller.where("then", message))
    left = [step.why.split(":")[1] for step in message.trail if step.what == "moved_on" and step.why]
    last = [message.escalation["channel"]] if message.escalation else []
    ways = list(dict.fromkeys([*left, message.channel, *message.fallback, *last]))
    fallback = f", or else by {', '.join(ways[1:])}" if len(ways) > 1 else ""
    return Line(message.queued_at, f"planned, to go by {ways[0]}{fallback}; {bounds}", teller.where("campaign", message))


def _worth_telling(trail: Sequence[Decision]) -> Iterator[Decision]:
    """Without the waits of seconds that led straight to another decision."""
    for index, step in enumerate(trail):
        brief = step.until is not None and step.until - step.at < _BRIEF and not (step.why or "").startswith("retry:")
        if not brief or index == len(trail) - 1:
            yield step


def _step(message: Message, step: Decision, following: Decision | None, teller: Teller) -> Line:
    if step.what == "released":
        return Line(step.at, "released: every rule lets it go")
    reason = teller.explain(message, step.why or "")
    if step.what == "replayed":
        return Line(step.at, f"put back into the queue by {step.by or 'an operator'}; it had failed: {reason.text}")
    if step.what == "resolved":
        went = "went out" if step.to == "sent" else "did not go out"
        evidence = f" ({step.evidence})" if step.evidence else ""
        return Line(step.at, f"{step.by or 'an operator'} said that it {went}{evidence}; it had been uncertain: {reason.text}")
    if step.what == "doubted":
        return Line(step.at, f"it may have gone before the database was restored, says {step.by or 'an operator'}: not sent (again)")
    if step.what == "merged":
        return Line(step.at, f"not sent by itself: {reason.text}", reason.where)
    if step.what == "moved_on":
        return Line(step.at, f"goes on by {step.to}: {reason.text}", reason.where)
    if step.what == "put_back":
        return Line(step.at, f"put back into the queue: {reason.text}")
    if step.what == "deferred":
        return Line(step.at, f"{_waited(step, following, teller)}: {reason.text}", reason.where)
    return Line(step.at, f"not sent: {explain_end(reason, step.why or '').text}", reason.where)


def _waited(step: Decision, following: Decision | None, teller: Teller) -> str:
    if step.until is None:
        return "waited"
    if (brief := step.until - step.at) < _BRIEF:
        return f"waited {format_duration(brief)}"
    until = f"until {teller.time(step.until)}"
    if following is None:
        return f"waits {until}" if step.until > teller.now else f"waited {until}"
    # Judged anew before its time: the rules changed, or the person did.
    return f"was to wait {until}" if step.until - following.at >= _BRIEF else f"waited {until}"


def _attempt(message: Message, attempt: Attempt) -> Line:
    if message.channel == "popup" and attempt.outcome == "sent":
        return Line(attempt.at, "laid ready in the app")
    account = f"by account {attempt.account}" if attempt.account and attempt.account not in CHANNELS else None  # not a default one
    said = ", ".join(filter(None, (attempt.platform, account)))
    device = f" ({said})" if said else ""
    code = f": {attempt.code}" if attempt.code else ""
    return Line(attempt.at, f"{_OUTCOMES.get(attempt.outcome, attempt.outcome)}{device}{code}")


def _took_along(message: Message, teller: Teller) -> Iterator[Line]:
    carried = [f"{each.campaign} (message {each.id})" for each in teller.others.values() if each.carrier_id == message.id]
    if carried and message.released_at:
        yield Line(message.sent_at or message.released_at, f"carried {len(carried)} more: {', '.join(carried)}")


def _followed(message: Message, teller: Teller) -> Iterator[Line]:
    for each in teller.others.values():
        if each.follows_id == message.id:
            yield Line(each.queued_at, f"{unanswered(message)}: {teller.other(each.id)} follows it", teller.where("then", message))


def _came_back(message: Message) -> Iterator[Line]:
    if message.delivered_at:
        yield Line(message.delivered_at, "delivered")
    if message.read_at:
        yield Line(message.read_at, "read")
    for echo in message.echoes:
        if echo.kind in _ECHOES:
            yield Line(echo.at, f"{_ECHOES[echo.kind]}{f': {scrub(echo.detail)}' if echo.detail else ''}")


def _ending(message: Message, teller: Teller) -> Iterator[Line]:
    """How it ended, where no step of the trail says so."""
    told = any(step.what == message.status for step in message.trail) or (message.reason or "").startswith("resolved_")
    if message.settled_at and message.status in _ENDINGS and not told:
        unseen = message.status == message.reason == "expired" and not message.trail
        reason = teller.explain(message, "expired_unseen" if unseen else message.reason or message.status)
        yield Line(message.settled_at, f"{_ENDINGS[message.status]}: {reason.text}", reason.where)
    elif message.reason in ("confirmed_by_receipt", "confirmed_after_failure") and message.sent_at:
        yield Line(message.delivered_at or message.sent_at, teller.explain(message, message.reason).text)
    if message.maybe_duplicate and message.settled_at:
        yield Line(message.settled_at + timedelta(microseconds=1), "flagged: the person may have got it twice")
