"""Hypothesis strategies for hours, zones, people, messages and what was sent before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from config.values import ALWAYS, OpenHours, Span
from rules.facts import Candidate, Consent, Contact, Person, Policy
from tests.rules.make import AFTER_OFFICE, CATEGORIES, rules

MINUTE = timedelta(minutes=1)
ZONES = (
    "Asia/Jakarta",
    "Asia/Jayapura",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",  # midnight comes twice
    "Africa/Cairo",  # midnight is skipped
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Apia",
)
# Nights on which clocks change somewhere in ZONES, and an Indonesian holiday with joint leave.
_NIGHTS = ("2026-03-08", "2026-03-29", "2026-04-04", "2026-04-24", "2026-10-03", "2026-10-25", "2026-11-01", "2026-12-24")
CHANNELS = ("push", "whatsapp", "email", "popup")

zones = st.sampled_from(ZONES)


@st.composite
def spans(draw: st.DrawFn, grain: int = 15) -> tuple[Span, ...]:
    edges = draw(st.lists(st.integers(0, 1440 // grain + 12), min_size=0, max_size=4, unique=True))
    edges = sorted(edges)[: len(edges) // 2 * 2]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return tuple(Span(start * grain, end * grain) for start, end in pairs if start * grain < 1440)


@st.composite
def weekly_hours(draw: st.DrawFn) -> OpenHours:
    few = draw(st.lists(spans(), min_size=1, max_size=3))
    days = tuple(draw(st.sampled_from(few)) for _ in range(7))
    return OpenHours(days, draw(st.none() | st.sampled_from(few)))


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    night = datetime.fromisoformat(draw(st.sampled_from(_NIGHTS))).replace(tzinfo=UTC)
    return night + draw(st.integers(-2160, 1440)) * MINUTE


hours = st.just(ALWAYS) | st.just(AFTER_OFFICE) | weekly_hours()


@st.composite
def people(draw: st.DrawFn, id: int) -> Person:
    marketing = {channel: Consent(draw(st.booleans()) or draw(st.booleans()), draw(st.none() | hours)) for channel in CHANNELS}
    return Person(
        id,
        draw(zones),
        draw(st.none() | st.none() | hours),
        marketing,
        draw(st.frozensets(st.sampled_from(CHANNELS), max_size=1)),
        draw(st.frozensets(st.sampled_from(CHANNELS), min_size=2)),
    )


caps = st.fixed_dictionaries(
    {
        "channel": st.none() | st.sampled_from(CHANNELS[:2]),
        "category": st.none() | st.sampled_from(["promo", "reminder"]),
        "max": st.integers(1, 3),
        "per": st.sampled_from(["day", "week", "month", "24h", "7d", "5h"]),
    }
)


@st.composite
def policies(draw: st.DrawFn, categories: Mapping[str, Any] = CATEGORIES) -> Policy:
    return rules(
        categories,
        gap=draw(st.sampled_from(["0s", "45m", "2h"])),
        same_topic=draw(st.sampled_from(["0s", "5h", "3d"])),
        caps=draw(st.lists(caps, max_size=3)),
    )


@st.composite
def messages(draw: st.DrawFn, id: int, start: datetime, people: int) -> Candidate:
    category = draw(st.sampled_from(sorted(CATEGORIES)))
    return Candidate(
        id,
        draw(st.integers(1, people)),
        draw(st.integers(1, 6)),
        "campaign",
        tuple(draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=2, unique=True))),
        category,
        draw(st.sampled_from([None, "live", "fees"])),
        int(CATEGORIES[category]["priority"]),
        "window",
        draw(hours),
        start + draw(st.integers(1, 5 * 24)) * timedelta(hours=1),
    )


@st.composite
def contacts(draw: st.DrawFn, id: int, now: datetime) -> Contact:
    return Contact(
        id,
        draw(st.integers(1, 6)),
        draw(st.sampled_from(CHANNELS)),
        draw(st.sampled_from(sorted(CATEGORIES))),
        draw(st.sampled_from([None, "live", "fees"])),
        now - draw(st.integers(0, 8 * 1440)) * MINUTE,
    )
