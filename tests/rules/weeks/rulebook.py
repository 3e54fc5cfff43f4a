"""The rules that are tried: the real ones, or a copy with a bug planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from typing import Any

from config.models import Holidays
from rules.facts import Candidate, Policy

Answers = list[tuple[Candidate, Any]]  # verdicts of whatever package, so that they are known by the names of their classes


@dataclass(frozen=True)
class Rulebook:
    """What a tick asks. The values it is asked about are those of rules.facts. calendar: of the holidays added by hand."""

    arbitrate: Callable[..., Answers]
    merge: Callable[..., Answers]
    policy: Callable[..., Policy]
    calendar: Callable[[frozenset[date]], object]


def rulebook(package: str = "rules") -> Rulebook:
    """The rules of an importable package."""
    calendar = import_module(f"{package}.calendar").HolidayCalendar
    return Rulebook(
        import_module(f"{package}.arbitration").arbitrate,
        import_module(f"{package}.digest").merge,
        import_module(f"{package}.policy").policy,
        cache(lambda added: calendar(Holidays(add=tuple(added)))),
    )
