"""The rule a reason speaks of, by its name and the line that sets it."""

from __future__ import annotations

from config.loader import Config
from config.values import format_duration
from rules.facts import Code, Reason


def rule(config: Config, reason: Reason | None) -> str:
    """`same_topic: 3d (config/rules.yaml:16)`; what a reason says itself where no line of rules.yaml does."""
    if reason is None:
        return "room"
    overlap = config.rules.overlap
    match reason.code:
        case Code.SAME_TOPIC:
            return f"same_topic: {format_duration(overlap.same_topic)}{_line(config.where('same_topic'))}"
        case Code.GAP:
            return f"gap: {format_duration(overlap.gap)}{_line(config.where('gap'))}"
        case Code.CAP:
            index = next((n for n, cap in enumerate(overlap.caps) if cap.name == reason.detail), 0)
            return f"the cap {reason.detail}{_line(config.where('cap', index))}"
        case Code.PENDING_HIGHER_PRIORITY:
            return "the turn of a more important message"
    return str(reason)


def _line(place: str) -> str:
    return f" ({place})" if place else ""
