"""How long things are kept, held against the rules: none of them may look back further than there is something to see."""

from __future__ import annotations

from datetime import timedelta

from config.problems import ConfigError, Problem
from config.retention import Retention
from config.values import format_duration
from jobs.catalog import Published
from rules.policy import longest

MARGIN = timedelta(days=1)  # a message counts from when it was released, and is settled later


def remembers(retention: Retention, published: Published) -> None:
    """Raises ConfigError when messages would be gone while a rule still counts them."""
    looks_back, rule = longest(published.config.rules)
    if retention.messages < looks_back + MARGIN:
        kept, needed = format_duration(retention.messages), format_duration(looks_back + MARGIN)
        message = (
            f"{kept} is too short: {rule} in rules.yaml counts what went up to {format_duration(looks_back)} ago; write {needed} or more"
        )
        raise ConfigError([Problem("KABAR_RETENTION__MESSAGES", 0, 0, message)])


def messages_kept(retention: Retention, published: Published | None) -> timedelta:
    """How long finished messages stay: as set, and never less than the rules in force look back."""
    looks_back = longest(published.config.rules)[0] + MARGIN if published else timedelta(0)
    return max(retention.messages, looks_back)
