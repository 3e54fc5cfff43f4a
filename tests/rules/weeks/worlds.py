"""The parts that weeks are put together from, and one chooser for all of them, so that Hypothesis or a seed can make a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from config.models import Rules
from config.values import ALWAYS, OpenHours, parse_weekly_hours, parse_window
from rules.facts import Consent, Contact, Person
from tests.rules.weeks.almanac import MINUTE
from tests.rules.weeks.verdicts import NEEDS_ADDRESS

T = TypeVar("T")


class Pick(Protocol):
    """Chooses one of several."""

    def __call__(self, options: Sequence[T], /) -> T: ...


# Each with a day to declare a holiday while the week runs. Independence Day; joint leave, the year's end; clocks go forward in
# Berlin and a month ends; midnight is skipped in Cairo.
STARTS = {"2026-08-13": "2026-08-18", "2026-12-23": "2026-12-28", "2026-03-27": "2026-03-31", "2026-04-22": "2026-04-27"}
ZONES = ("Asia/Jakarta", "Asia/Jakarta", "Asia/Kathmandu", "Europe/Berlin", "America/Los_Angeles", "Africa/Cairo")
CHANNELS = ("push", "whatsapp", "email", "popup")
FAVOURITES = (CHANNELS, ("push",), ("popup", "email"), ("whatsapp", "email", "push"))

EVENING = parse_window({"weekdays": "19:00-21:30", "weekends": "10:00-21:30"})
WINDOWS: tuple[OpenHours | None, ...] = (
    *(*(EVENING,) * 8, *(ALWAYS,) * 6),
    parse_window({"weekdays": "19:00-20:30", "weekends": "10:00-12:00"}),
    parse_window({"weekdays": "22:00-02:00", "weekends": "23:00-01:30", "holidays": "closed"}),
    parse_window({"weekdays": "08:00-10:00, 12:15-13:00, 17:00-21:00", "holidays": "09:00-09:15, 18:00-22:00"}),
    parse_window({"weekdays": "00:00-24:00"}),
    parse_window({"fri": "18:00-03:00", "sun": "00:00-06:00"}),
    parse_window({"holidays": "10:00-12:00"}),
    parse_window({}),
    None,
)
_DAYTIME = parse_weekly_hours("daily 07:00-20:15")
CONTACT_HOURS: tuple[OpenHours | None, ...] = (
    *(None, None, None, None, ALWAYS, _DAYTIME),
    parse_weekly_hours("Mon-Fri 06:00-11:00"),
    parse_weekly_hours("Mon-Fri 06:00-20:00, no holidays"),
    parse_weekly_hours("Sat,Sun 09:00-24:00; Fri 20:00-01:00"),
)
CONSENTS = (
    *(Consent(True), *(Consent(True, ALWAYS),) * 4, Consent(True, _DAYTIME)),
    Consent(True, parse_weekly_hours("Mon-Fri 20:00-23:00")),
    Consent(False, ALWAYS),
)
LAWFUL = (parse_weekly_hours("Mon-Sat 08:00-18:00, no holidays"), parse_weekly_hours("Mon-Fri 18:00-24:00; Sat 22:00-04:00"))

CATEGORIES: tuple[Mapping[str, Any], ...] = (
    {
        "service": {"priority": 100, "ignore": ["window", "gap", "caps", "topic"]},
        "reminder": {"priority": 50, "digest": {"within": "10m", "template": "many"}},
        "notice": {"priority": 30, "ignore": ["caps"]},
        "promo": {"priority": 10, "offer": True, "digest": {"within": "12h", "template": "many"}},
    },
    {
        "service": {"priority": 100, "ignore": ["window"]},
        "reminder": {"priority": 50, "ignore": ["topic"], "digest": {"within": "3d", "template": "many"}},
        "notice": {"priority": 50, "counts_in_caps": False},
        "promo": {"priority": 70, "offer": True, "ignore": ["gap"], "digest": {"within": "3d", "template": "many"}},
    },
    {
        "service": {"priority": 20},
        "reminder": {"priority": 20},
        "notice": {"priority": 60, "counts_in_caps": False, "ignore": ["gap"]},
        "promo": {"priority": 10, "offer": True, "ignore": ["window"]},
    },
    {"reminder": {"priority": 50, "digest": {"within": "12h", "template": "many"}}},  # the others are no more
)
GAPS, TOPICS = ("0s", "1m", "45m", "2h", "2h", "5h"), ("0s", "5h", "1d", "3d", "3d")
CAPS: tuple[Mapping[str, Any], ...] = (
    {"channel": "push", "max": 1, "per": "day"},
    {"channel": "push", "max": 2, "per": "week"},
    {"channel": "whatsapp", "max": 1, "per": "7d"},
    {"max": 2, "per": "24h"},
    {"max": 1, "per": "5h"},
    {"max": 1, "per": "24h"},
    {"max": 2, "per": "day"},
    {"max": 3, "per": "month"},
    {"category": "promo", "max": 1, "per": "day"},
    {"category": "reminder", "max": 2, "per": "24h"},
    {"channel": "email", "category": "promo", "max": 1, "per": "week"},
    {"channel": "email", "max": 0, "per": "day"},
)


@dataclass(frozen=True, slots=True)
class Book:
    """One version of rules.yaml. added: a holiday written by hand."""

    rules: Rules
    added: frozenset[date]


def book(pick: Pick, holiday: str) -> Book:
    overlap = {"gap": pick(GAPS), "same_topic": pick(TOPICS), "caps": [pick(CAPS) for _ in range(pick((0, 1, 1, 2, 3)))]}
    added = pick((frozenset[date](), frozenset({date.fromisoformat(holiday)})))
    written = {
        "windows": {},
        "overlap": overlap,
        "categories": pick((*CATEGORIES[:3], *CATEGORIES)),
        "offers_without_hours_consent": pick(LAWFUL),
        "personal_channels": pick((None, None, ["popup", "email"])),
    }
    return Book(Rules.model_validate(written), added)


def person(pick: Pick, id: int) -> Person:
    return Person(
        id,
        pick(ZONES),
        pick(CONTACT_HOURS),
        dict.fromkeys(CHANNELS, pick(CONSENTS)) | {pick(CHANNELS): pick(CONSENTS)},
        pick((*(frozenset[str](),) * 8, frozenset({"push"}), frozenset({"email"}))),
        pick((*(frozenset(NEEDS_ADDRESS),) * 9, frozenset({"push", "email"}), frozenset({"whatsapp"}))),
    )


def before(pick: Pick, id: int, now: datetime) -> Contact:
    """Something a person got before the week."""
    ago = pick((1, 30, 119, 120, 600, 1439, 1440, 3000, 10079))
    return Contact(
        id,
        pick((1, 91, 91, 92, 93, 94)),
        pick(CHANNELS),
        pick(("service", "reminder", "notice", "promo")),
        pick((None, "live", "live")),
        now - ago * MINUTE,
    )


@dataclass(frozen=True, slots=True)
class Run:
    """What the messages of one run share. planned, expires: minutes after the week's start. patience: minutes, None = no queue_for."""

    id: int
    category: str
    topic: str | None
    planned: int
    expires: int
    patience: int | None


def run(pick: Pick, id: int, start: int) -> Run:
    """start: the minute at which there is something to do."""
    planned = start + pick((0, 0, 0, 0, 7, 14, 600, 600, 1200, 1470, 4000))
    return Run(
        id,
        pick(("service", "reminder", "reminder", "notice", "promo", "promo")),
        pick((None, "live", "live", "fees")),
        planned,
        planned + pick((40, 180, 1440, 1440, 2880, 2880, 5760, 5760, 5760, 8 * 1440)),
        pick((*(None,) * 7, 25, 60, 1440, 4320)),
    )


BEGINNINGS = (0, 715, 720, 720, 780, 1020)  # in Jakarta: morning, just before the evening, evening; in Berlin: evening
STEPS = ("minute", "quarter", "hour", *("wake",) * 4, "before wake", "edge", "edge", "before edge", "jump", "back")
EVENTS = (
    *("nothing",) * 14,
    *(
        "pause campaign",
        "pause channel",
        "resume",
        "resume",
        "opt out",
        "consent",
        "contact hours",
        "move",
        "rules",
        "rules",
        "block channel",
        "block channel",
    ),
)
ROOMS: tuple[Mapping[str, int], ...] = (
    {},
    {},
    {},
    {"push": 0},
    {"whatsapp": 0, "email": 0},
    {"push": 1, "email": 1, "whatsapp": 0},
    {"push": 2, "popup": 0, "email": 3},
)
OUTCOMES = ("sent", "sent", "sent", "failed", "retry", "retry", "unknown")
UNWORDED = 3  # the run whose template says nothing for a digest
WEEK = 9 * 1440  # minutes in which ticks fall
