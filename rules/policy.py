"""Builds the policy the rules judge by from rules.yaml and what the registry says of channels."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from config.models import Rules
from config.values import Calendar, Period
from rules.facts import Policy

# A day longer than the longest: periods are local, and a change of clocks or of the person's zone stretches them.
_CALENDAR = {Calendar.DAY: timedelta(days=2), Calendar.WEEK: timedelta(days=8), Calendar.MONTH: timedelta(days=32)}


def policy(rules: Rules, personal: Iterable[str], needs_address: Iterable[str]) -> Policy:
    """personal: channels on which offers fall under the law's hours, where the rules name none themselves.

    needs_address: those that must have one to send to
    """
    lookback, _ = longest(rules)
    named = personal if rules.personal_channels is None else rules.personal_channels
    uncounted = frozenset(name for name, category in rules.categories.items() if not category.counts_in_caps)
    return Policy(rules, frozenset(named), frozenset(needs_address), lookback, uncounted)


def longest(rules: Rules) -> tuple[timedelta, str]:
    """How far back the rules look, and which of them looks furthest."""
    overlap = rules.overlap
    caps = [(_length(cap.per), f"the cap {cap.name}") for cap in overlap.caps]
    return max([(overlap.gap, "`gap`"), (overlap.same_topic, "`same_topic`"), *caps])


def _length(period: Period) -> timedelta:
    return _CALENDAR[period] if isinstance(period, Calendar) else period
