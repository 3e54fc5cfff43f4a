"""Whom the storm strikes: a configuration of all channels, customers with several devices, and the faults of the providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import text

from channels.sandbox.faults import Rule
from store.engine import Database
from tests.world import TEMPLATE, campaign

RULES = """
windows: {any-time: always}
segment_windows: {}
categories:
  service: {priority: 100, ignore: [window, gap, caps], on_unknown: resend}
  info: {priority: 30}
  promo: {priority: 10, offer: true}
"""
# By the part of the audience each is for: one in `of` customers.
CAMPAIGNS = (
    ("news", "info", "[push, popup]", 1),
    ("letter", "promo", "[email]", 1),
    ("offer", "promo", "[whatsapp]", 1),
    ("account", "service", "[email]", 4),
    ("code", "service", "[whatsapp]", 4),
    ("either", "info", "{first: [whatsapp, email]}", 2),
)
MESSAGES_A_PERSON = sum(("popup" in channels) + 1 for *_, channels, of in CAMPAIGNS if of == 1) + 1  # a quarter, a quarter and a half

# Answers that only a person's hand puts right: `kabar resume`.
STOPS = {"push": ("BAD_REQUEST", "THIRD_PARTY_AUTH_ERROR"), "whatsapp": ("132001", "190"), "email": ()}
CODES = {
    "push": ("UNREGISTERED", "INVALID_ARGUMENT", "INVALID_TOKEN", "SENDER_ID_MISMATCH", "UNAVAILABLE", "INTERNAL", "UNAUTHENTICATED"),
    "whatsapp": ("131026", "131050", "131049", "131056", "131000"),
    "email": ("550 5.1.1 User unknown", "550 5.7.1 Blocked", "552 5.3.4 Too big", "452 4.2.2 Full", "450 4.2.1 Busy", "550"),
}
BUSY = {"push": ("QUOTA_EXCEEDED",), "whatsapp": ("130429", "131048"), "email": ()}  # with Retry-After
LATER = (  # at another moment than the first, or taken all the same
    Rule(channel="whatsapp", kind="131026", stage="webhook"),
    Rule(channel="whatsapp", kind="hang", accepts=True),
    Rule(channel="whatsapp", kind="garbage", accepts=True),
    Rule(channel="push", kind="hang", accepts=True),
    Rule(channel="email", kind="hang", stage="data", accepts=True),
    Rule(channel="email", kind="garbage", stage="data", accepts=True),
    Rule(channel="email", kind="451 4.7.1 Greylisted", stage="data"),
    Rule(channel="email", kind="554 5.7.1 Spam", stage="data"),
)

_PEOPLE = """
INSERT INTO people (customer_no, name, portfolio_value, trades_last_month, consents)
SELECT 'C' || lpad(n::text, 6, '0'), 'Budi Santoso ' || n, 1000000, n % 4,
  '{"push": {"marketing": true, "hours": "always"}, "email": {"marketing": true, "hours": "always"},
    "whatsapp": {"marketing": true, "hours": "always"}, "popup": {"marketing": true, "hours": "always"}}'
FROM generate_series(1, :n) n
"""
# One to three devices each, of every platform, known by token or by installation id.
_ADDRESSES = """
INSERT INTO addresses (person_id, sort, kind, value, platform)
SELECT id, 'push', CASE WHEN (id + d) % 5 = 0 THEN 'fid' ELSE 'token' END, 'device-' || id || '-' || d,
       (ARRAY['android', 'ios', 'web'])[1 + (id + d) % 3]
FROM people, generate_series(0, 2) d WHERE d <= id % :devices
UNION ALL SELECT id, 'phone', 'phone', '+628120' || lpad(id::text, 7, '0'), NULL FROM people
UNION ALL SELECT id, 'email', 'email', 'nasabah' || id || '@d' || id % 400 || '.contoh.example', NULL FROM people
"""


def files(when: datetime, expires: str) -> Mapping[str, str]:
    """Every campaign goes off at `when`, local time."""
    moment = f'{{at: "{when:%Y-%m-%d %H:%M}"}}'
    segments = {of: f"part{of}: trades_last_month < {4 // of}" for *_, of in CAMPAIGNS}
    asked = {"when": moment, "window": "any-time", "expires": expires}
    texts = [
        campaign(name, category=category, channels=channels, audience=f"{{any: [part{of}]}}", **asked)
        for name, category, channels, of in CAMPAIGNS
    ]
    return {
        "rules.yaml": RULES,
        "segments.yaml": f"segments: {{{', '.join(segments.values())}}}",
        "templates/hello.yaml": TEMPLATE,
        **{f"schedules/c{number}.yaml": each for number, each in enumerate(texts)},
    }


async def populate(database: Database, people: int, devices: int = 3) -> None:
    """devices: how many somebody has at most."""
    async with database.begin() as connection:
        await connection.execute(text(_PEOPLE), {"n": people})
        await connection.execute(text(_ADDRESSES), {"devices": devices})
        await connection.execute(text("ANALYZE people, addresses"))


def faults(share: float) -> Iterator[Rule]:
    """Every kind there is, each striking this share of the attempts that got as far."""
    for channel in ("push", "whatsapp", "email"):
        yield Rule.model_validate({"channel": channel, "kind": "latency", "ms": 20, "share": share})
        for kind in (*CODES[channel], *STOPS[channel], "drop_before", "drop_after", "garbage", "hang"):
            yield Rule.model_validate({"channel": channel, "kind": kind, "share": share})
        for kind in BUSY[channel]:
            yield Rule.model_validate({"channel": channel, "kind": kind, "share": share, "retry_after": 1})
    yield from (rule.model_copy(update={"share": share}) for rule in LATER)


def patience(*, deadline: float, rate: int) -> dict[str, str]:
    """Settings under which hanging providers hold nobody up for long."""
    asked = {"DEADLINE": f"{deadline:g}", "RATE": str(rate), "CONCURRENCY": "100"}
    return {f"KABAR_{channel}__{name}": value for channel in ("PUSH", "WHATSAPP", "EMAIL") for name, value in asked.items()}
