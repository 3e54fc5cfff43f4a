"""One message by two configurations: which differences count, and which rule is named."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from scheduler.changes import Kind, hindrance, kind_of, pairs
from store.compared import Outcome
from tests.world import at

SEVEN, HALF_PAST, NINE = at("2026-11-20 19:00"), at("2026-11-20 19:30"), at("2026-11-20 21:00")


def outcome(
    status: str = "sent",
    moment: datetime | None = SEVEN,
    reason: str | None = None,
    *,
    channel: str = "push",
    planned: datetime = at("2026-11-20 18:45"),
    waits: tuple[tuple[datetime, datetime, str], ...] = (),
) -> Outcome:
    """A message's end. waits: (from, until, why) of each deferral."""
    trail = [{"is": "deferred", "at": since.isoformat(), "until": until.isoformat(), "why": why} for since, until, why in waits]
    key = "seg:regular@Asia/Jakarta"
    return Outcome(1, 1, 0, channel, "C000001", "friday", "x", status, reason, key, planned, moment, json.dumps(trail))


def is_open(key: str, moment: datetime) -> str | None:
    return None


def closed(key: str, moment: datetime) -> str | None:
    return "after-office"


@pytest.mark.parametrize(
    "before, after, kind",
    [
        (outcome(), outcome(), None),
        (outcome(), outcome(moment=at("2026-11-20 19:00:59")), None),
        (outcome(), outcome(moment=HALF_PAST), Kind.LATER),
        (outcome(moment=HALF_PAST), outcome(), Kind.EARLIER),
        (outcome(), outcome(channel="email"), Kind.CHANNEL),
        (outcome(), outcome("merged"), Kind.CHANNEL),
        (outcome(), outcome("suppressed", reason="gap:7"), Kind.DROPPED),
        (outcome(), outcome("expired"), Kind.DROPPED),
        (outcome(), None, Kind.DROPPED),
        (None, outcome(), Kind.GAINED),
        (outcome("suppressed"), outcome(), Kind.GAINED),
        (outcome(), outcome("deferred", NINE, "gap:7"), Kind.WAITS),
        (outcome("deferred", SEVEN, "gap:7"), outcome("deferred", NINE, "gap:7"), Kind.WAITS),
        (outcome("deferred", NINE, "gap:7"), outcome("deferred", SEVEN, "gap:7"), Kind.EARLIER),
        (outcome("deferred", NINE, "gap:7"), outcome("deferred", NINE, "cap:all:1/day"), None),
        (outcome("queued", None), outcome(), Kind.EARLIER),
        (outcome("suppressed", reason="gap:7"), outcome("suppressed", reason="gap:8"), None),
        (outcome("suppressed", reason="gap:7"), outcome("suppressed", reason="cap:all:1/day"), Kind.UNSENT),
        (outcome("suppressed", reason="gap:7"), outcome("queued", None), Kind.UNSENT),
        (outcome("queued", None), None, Kind.UNSENT),
    ],
)
def test_what_counts_as_a_change(before: Outcome | None, after: Outcome | None, kind: Kind | None) -> None:
    assert kind_of(before, after) is kind


GAP, CAP = (SEVEN, NINE, "gap:7"), (NINE, at("2026-11-21 10:00"), "cap:push:1/day")
EARLY = (at("2026-11-20 18:45"), SEVEN, "outside_window:contact_hours")


@pytest.mark.parametrize(
    "stopped, rule",
    [
        (outcome("suppressed", reason="cap:push:1/day", waits=(GAP,)), "cap:push:1/day"),
        (outcome("expired", reason="expired_after:gap:7", waits=(GAP,)), "gap:7"),
        (outcome(moment=NINE, waits=(EARLY, GAP)), "gap:7"),
        (outcome(moment=NINE, waits=(EARLY, GAP, CAP)), "gap:7"),
        (outcome(moment=NINE, planned=HALF_PAST), "planned_later"),
        (outcome(moment=NINE, waits=((HALF_PAST, NINE, "gap:7"),)), "gap:7"),
        (outcome(moment=HALF_PAST), "queue"),
        (outcome("expired", reason="expired"), "expired"),
    ],
)
def test_the_rule_named_is_the_one_that_stood_in_the_way_then(stopped: Outcome, rule: str) -> None:
    assert hindrance(stopped, outcome(), is_open) == rule


def test_a_closed_window_is_named_though_nobody_decided_about_the_message() -> None:
    assert hindrance(outcome("expired", reason="expired"), outcome(), closed) == "outside_window:after-office"
    assert hindrance(outcome(moment=NINE, waits=(CAP,)), outcome(), closed) == "outside_window:after-office"


def test_a_channel_before_it_is_not_blamed_for_what_went_by_another() -> None:
    stopped = outcome("suppressed", reason="no_address:whatsapp", channel="whatsapp")
    assert hindrance(stopped, outcome(channel="email"), is_open) == "no_channel:email"
    assert hindrance(stopped, outcome(channel="whatsapp"), is_open) == "no_address:whatsapp"


def test_messages_of_one_channel_belong_together_and_the_rest_in_order() -> None:
    push, popup, email = outcome(), outcome(channel="popup"), outcome(channel="email")
    assert list(pairs([popup, push], [email, push])) == [(push, push), (popup, email)]
    assert list(pairs([push], [push, email])) == [(push, push), (None, email)]
    assert list(pairs([popup, push], [])) == [(popup, None), (push, None)]
