"""A person's timeline as sentences: what happened to each message, oldest first, and what happens next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from config.loader import Config
from console.cli.reasons import Explanation, explain, explain_end
from jobs.outlook import Forecast
from rules.facts import Defer, Suppress
from store.timeline import Attempt, Decision, Message, Timeline
from store.versions import Pause

_BRIEF = timedelta(minutes=1)
WAITING = ("queued", "deferred")
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
    "opted_in": "the person opted in again",
    "failed": "the provider says that it could not be delivered",
    "error": "the app could not show it",
}
_ENDINGS = {"suppressed": "not sent", "expired": "not sent", "cancelled": "cancelled", "failed": "failed", "unknown": "uncertain"}


@dataclass(frozen=True, slots=True)
class Line:
    """where: the line of the configuration that said so, or empty."""

    at: datetime
    text: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Tale:
    """One message: its facts, what happened to it, and what comes next if it still waits."""

    message: Message
    lines: tuple[Line, ...]
    next: Explanation | None


@dataclass(frozen=True, slots=True)
class Teller:
    """Everything the sentences need that is not in the message itself.

    forecasts: by message id, of those that wait
    approved:  (campaign, content hash) of everything ever approved
    """

    zone: ZoneInfo
    now: datetime
    config: Config | None
    others: Mapping[int, Message]
    forecasts: Mapping[int, Forecast]
    pauses: Sequence[Pause]
    approved: frozenset[tuple[str, str]]

    def time(self, at: datetime) -> str:
        """`Fri 20 Nov 19:00` in the person's zone; the year where it is not this one."""
        local, year = at.astimezone(self.zone), self.now.astimezone(self.zone).year
        return f"{local:%a %d %b %H:%M}" if local.year == year else f"{local:%a %d %b %Y %H:%M}"

    def explain(self, message: Message, reason: str) -> Explanation:
        return explain(reason, category=message.category, campaign=message.campaign, config=self.config, other=self.other)

    def other(self, message_id: int) -> str:
        """What a message named in a reason was."""
        found = self.others.get(message_id)
        if found is None:
            return f"message {message_id}"
        at = found.sent_at or found.released_at
        return f"message {message_id}, {found.campaign} by {found.channel}{f', {self.time(at)}' if at else ''}"


def tales(timeline: Timeline, teller: Teller, campaign: str | None = None) -> tuple[Tale, ...]:
    """Each message's story; of one campaign if asked."""
    wanted = [message for message in timeline.messages if campaign in (None, message.campaign)]
    return tuple(Tale(message, _lines(message, teller), _next(message, teller)) for message in wanted)


def _lines(message: Message, teller: Teller) -> tuple[Line, ...]:
    # Providers tell whole seconds, and by clocks of their own: nothing came back before it had left.
    left = message.sent_at or message.queued_at
    lines = [(line.at, line) for line in _told(message, teller)]
    lines += [(max(line.at, left), line) for line in (*_came_back(message), *_ending(message, teller))]
    return tuple(line for _, line in sorted(lines, key=lambda timed: timed[0]))


def _told(message: Message, teller: Teller) -> Iterator[Line]:
    fallback = f", or else by {', '.join(message.fallback)}" if message.fallback else ""
    place = teller.config.where("campaign", message.campaign) if teller.config else ""
    worthless = f"worthless after {teller.time(message.expires_at)}"
    yield Line(
        message.queued_at, f"planned by {message.campaign} ({message.occurrence}), by {message.channel}{fallback}; {worthless}", place
    )
    attempts = list(message.attempts)
    for step in _worth_telling(message.trail):
        # A retry is decided on the answer to an attempt of the same moment, which is told first.
        retried = (step.why or "").startswith("retry:")
        while attempts and (attempts[0].at < step.at or (retried and attempts[0].at == step.at)):
            yield _attempt(message, attempts.pop(0))
        yield _step(message, step, teller)
    yield from (_attempt(message, attempt) for attempt in attempts)


def _worth_telling(trail: Sequence[Decision]) -> Iterator[Decision]:
    """Without the waits of seconds that led straight to another decision."""
    for index, step in enumerate(trail):
        brief = step.until is not None and step.until - step.at < _BRIEF and not (step.why or "").startswith("retry:")
        if not brief or index == len(trail) - 1:
            yield step


def _step(message: Message, step: Decision, teller: Teller) -> Line:
    if step.what == "released":
        return Line(step.at, "released: every rule lets it go")
    reason = teller.explain(message, step.why or "")
    if step.what == "replayed":
        return Line(step.at, f"put back into the queue by {step.by or 'an operator'}; it had failed: {reason.text}")
    until = f" until {teller.time(step.until)}" if step.until else ""
    if step.what == "deferred":
        return Line(step.at, f"waited{until}: {reason.text}", reason.where)
    return Line(step.at, f"not sent: {explain_end(reason, step.why or '').text}", reason.where)


def _attempt(message: Message, attempt: Attempt) -> Line:
    if message.channel == "popup" and attempt.outcome == "sent":
        return Line(attempt.at, "laid ready in the app")
    device = f" ({attempt.platform})" if attempt.platform else ""
    code = f": {attempt.code}" if attempt.code else ""
    return Line(attempt.at, f"{_OUTCOMES.get(attempt.outcome, attempt.outcome)}{device}{code}")


def _came_back(message: Message) -> Iterator[Line]:
    if message.delivered_at:
        yield Line(message.delivered_at, "delivered")
    if message.read_at:
        yield Line(message.read_at, "read")
    for echo in message.echoes:
        if echo.kind in _ECHOES:
            yield Line(echo.at, f"{_ECHOES[echo.kind]}{f': {echo.detail}' if echo.detail else ''}")


def _ending(message: Message, teller: Teller) -> Iterator[Line]:
    """How it ended, where no step of the trail says so."""
    told = any(step.what == message.status for step in message.trail)
    if message.settled_at and message.status in _ENDINGS and not told:
        unseen = message.status == message.reason == "expired" and not message.trail
        reason = teller.explain(message, "expired_unseen" if unseen else message.reason or message.status)
        yield Line(message.settled_at, f"{_ENDINGS[message.status]}: {reason.text}", reason.where)
    elif message.reason == "confirmed_by_receipt" and message.sent_at:
        yield Line(message.delivered_at or message.sent_at, teller.explain(message, message.reason).text)
    if message.maybe_duplicate and message.settled_at:
        yield Line(message.settled_at + timedelta(microseconds=1), "flagged: the person may have got it twice")


def _next(message: Message, teller: Teller) -> Explanation | None:
    if message.status in ("released", "sending"):
        return Explanation("on its way: it leaves within seconds, as fast as the provider allows")
    if message.status not in WAITING:
        return None
    if stop := next((pause for pause in teller.pauses if pause.holds(message.campaign, message.channel)), None):
        return Explanation(f"stopped by {stop.set_by} since {teller.time(stop.set_at)} ({stop.reason}); goes on after `kabar resume`")
    if message.expires_at <= teller.now:
        return Explanation("it will be dropped: it is worthless by now")
    if _unapproved(message, teller):
        place = teller.config.where("category", message.category) if teller.config else ""
        return Explanation(f"waits for its content to be approved: `kabar approve {message.campaign} --by NAME`", place)
    forecast = teller.forecasts.get(message.id)
    return _outlook(message, forecast, teller) if forecast else None


def _unapproved(message: Message, teller: Teller) -> bool:
    category = teller.config.rules.categories.get(message.category) if teller.config else None
    needed = category is None or category.needs_approval
    return needed and (message.campaign, message.content_hash) not in teller.approved


def _outlook(message: Message, forecast: Forecast, teller: Teller) -> Explanation:
    verdict = forecast.verdict
    if isinstance(verdict, Suppress):
        reason = explain_end(teller.explain(message, str(verdict.reason)), str(verdict.reason))
        return replace(reason, text=f"as things stand it will not go: {reason.text}")
    if isinstance(verdict, Defer):
        reason = teller.explain(message, str(verdict.reason))
        return replace(reason, text=f"as things stand it goes {teller.time(verdict.until)} at the earliest: {reason.text}")
    unless = f"unless a more important message takes its place; worthless after {teller.time(message.expires_at)}"
    if forecast.waits is None and forecast.at <= teller.now:
        return Explanation(f"goes as soon as the channel has room, {unless}")
    return Explanation(f"goes at the next opening, {teller.time(forecast.at)}, {unless}")
