"""Shorthands that build facts; times are written as they stand on a clock somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.models import Holidays, Rules
from config.values import OpenHours, parse_weekly_hours, parse_window
from rules.calendar import HolidayCalendar
from rules.facts import Candidate, Consent, Contact, Person, Policy
from rules.policy import policy

CALENDAR = HolidayCalendar(Holidays())
JAKARTA = "Asia/Jakarta"
AFTER_OFFICE = parse_window({"weekdays": "19:00-21:30", "weekends": "10:00-21:30"})
CATEGORIES: Mapping[str, Any] = {
    "service": {"priority": 100, "ignore": ["window", "gap", "caps", "topic"]},
    "reminder": {"priority": 50},
    "promo": {"priority": 10, "offer": True},
}


def at(text: str, zone: str = JAKARTA, fold: int = 0) -> datetime:
    """`2026-08-14 18:59` on a clock in a zone, as a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def rules(categories: Mapping[str, Any] = CATEGORIES, **overlap: Any) -> Policy:
    """A policy in which e-mail and WhatsApp are personal; overlap: gap, same_topic, caps as rules.yaml writes them."""
    written = Rules.model_validate({"windows": {}, "overlap": overlap, "categories": categories})
    return policy(written, ["whatsapp", "email"], ["push", "whatsapp", "email"])


def person(
    id: int = 1,
    zone: str = JAKARTA,
    contact_hours: str | None = None,
    consents: Mapping[str, str | None] | None = None,
    opted_out: Iterable[str] = (),
    reachable: Iterable[str] = ("push", "whatsapp", "email"),
) -> Person:
    """consents: channel → hours consented to (None: marketing only); by default marketing on every channel."""
    given = consents if consents is not None else dict.fromkeys(("push", "whatsapp", "email", "popup"))
    return Person(
        id,
        zone,
        weekly(contact_hours),
        {channel: Consent(True, weekly(hours)) for channel, hours in given.items()},
        frozenset(opted_out),
        frozenset(reachable),
    )


def weekly(text: str | None) -> OpenHours | None:
    return parse_weekly_hours(text) if text else None


def message(
    id: int = 1,
    *,
    run: int | None = None,
    to: int = 1,
    channels: tuple[str, ...] = ("push",),
    category: str = "reminder",
    topic: str | None = None,
    window: OpenHours | None = AFTER_OFFICE,
    expires: datetime = datetime(2030, 1, 1, tzinfo=UTC),
) -> Candidate:
    """A queued message; its run is its own unless given."""
    priority = int(CATEGORIES[category]["priority"])
    return Candidate(id, to, run or id, "campaign", channels, category, topic, priority, "after-office", window, expires)


def sent(
    when: datetime, *, id: int = 900, run: int | None = None, channel: str = "push", category: str = "reminder", topic: str | None = None
) -> Contact:
    return Contact(id, run or id, channel, category, topic, when)


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
