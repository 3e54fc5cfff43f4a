"""What the sentences of a timeline need to know besides the message they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from config.loader import Config
from config.values import format_duration
from console.cli.reasons import Explanation, explain
from jobs.outlook import Forecast
from store.timeline import Message
from store.versions import Pause

WAITING = ("queued", "deferred")


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
        """`live-trading by push, Fri 20 Nov 19:00 (message 7)`: what a message named in a reason was."""
        found = self.others.get(message_id)
        if found is None:
            return f"message {message_id}"
        at = found.sent_at or found.released_at
        return f"{found.campaign} by {found.channel}{f', {self.time(at)}' if at else ''} (message {message_id})"

    def where(self, kind: str, message: Message) -> str:
        """The line of the configuration that says so of the message's campaign, or empty."""
        return self.config.where(kind, message.campaign) if self.config else ""

    def stop(self, message: Message) -> Pause | None:
        """What holds a message back that the rules have no say in."""
        return next((pause for pause in self.pauses if pause.holds(message.campaign, message.channel)), None)

    def unapproved(self, message: Message) -> bool:
        category = self.config.rules.categories.get(message.category) if self.config else None
        needed = category is None or category.needs_approval
        return needed and (message.campaign, message.content_hash) not in self.approved


def unanswered(message: Message) -> str:
    """`was not read within 2h`: what lets another message follow one of this run."""
    escalation = message.escalation or {}
    after = timedelta(seconds=float(escalation.get("after", 0)))
    return f"was not {escalation.get('unless', 'answered')} within {format_duration(after)}"
