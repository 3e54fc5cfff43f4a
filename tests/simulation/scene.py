"""The little worlds: what operations wrote, in a handful of versions, and who the customers are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import product
from random import Random
from typing import Any

from tests.world import RULES, at, campaign, files

EVENTS = "customer: {a: {}, b: {}, c: {}, d: {}, e: {}, f: {}}"
DAYS = 30
MANY = """
template: many
variants:
  - push: {title: "{{ digest.count }} kabar", body: "{{ digest.titles }}"}
    popup: {title: "{{ digest.count }} kabar", body: "{{ digest.lines }}"}
    email: {subject: "{{ digest.count }} kabar", body: "{{ digest.lines }}"}
    whatsapp: {name: hello, parameters: ["{{ digest.titles }}"], text: "Halo {{ digest.titles }}"}
"""
_RULES = RULES.replace("promo: {priority: 10, offer: true}", "promo: {priority: 10, offer: true, approval: false}")
_DIGEST = _RULES.replace("approval: false}", "approval: false, digest: {within: 4h, template: many}}")
_TWICE = (
    campaign("promo", category="promo", channels="[push, popup]", when="{event: a}", topic="contest", expires="5h"),
    campaign("reminder", channels="[push, email]", when="{event: b}", topic="contest", expires="4h"),
    campaign("info", category="info", channels="{first: [whatsapp, email]}", when="{event: c}", window="any-time", expires="5h"),
    campaign("service", category="service", channels="[email]", when="{event: d}", expires="4h"),
)
_LATER = (
    campaign("promo", category="promo", channels="{first: [push, email]}", when="{event: a}", expires="5h", window="any-time"),
    campaign("offer", category="promo", channels="{first: [push, email]}", when="{event: b}", expires="4h", window="any-time"),
    campaign(
        "info",
        category="info",
        channels="{first: [whatsapp], then: {channel: email, after: 30m, unless: delivered}}",
        when="{event: c}",
        window="any-time",
        expires="5h",
    ),
    campaign("service", category="service", channels="[whatsapp]", when="{event: d}", expires="4h"),
)
_MORE = (
    campaign("class", channels="[push]", when='{at: "2026-11-20 18:45"}', expires="3h", window="any-time"),
    campaign("loose", category="info", channels="[email]", when="{event: e}", expires="2h", window="any-time", queue_for="1h"),
    campaign("later", channels="{first: [push, whatsapp, email]}", when="{event: f}", expires="5h", window="any-time"),
)
VARIANTS = (_RULES, _RULES.replace("gap: 2h", "gap: 20m"), _RULES.replace("max: 1, per: day", "max: 2, per: 24h"), _DIGEST)
CAMPAIGNS = ("promo", "reminder", "info", "service", "class", "later", None)
CHANNELS = ("push", "whatsapp", "email", "popup")
_CONSENTS: Mapping[str, Any] = {name: {"marketing": True, "hours": "always"} for name in CHANNELS}


def configurations() -> list[dict[str, str]]:
    """Every version there is; a seed begins with one and may go over to others."""
    return [
        files(*campaigns, *_MORE, rules=rules) | {"events.yaml": EVENTS} | ({"templates/many.yaml": MANY} if rules == _DIGEST else {})
        for campaigns, rules in product((_TWICE, _LATER), VARIANTS)
    ]


def start(chance: Random) -> datetime:
    return at("2026-11-20 17:30") + timedelta(minutes=chance.randrange(0, 150))


def people(chance: Random) -> list[dict[str, Any]]:
    """Three to six, in several zones, some with hours or consents of their own."""
    return [
        {
            "n": number,
            "zone": chance.choice([None, None, None, "Asia/Jayapura", "Europe/Berlin"]),
            "hours": chance.choice([None, None, "Mon-Fri 08:00-20:30"]),
            "consents": {name: _CONSENTS[name] for name in CHANNELS if chance.random() < 0.9},
            "sorts": [sort for sort in ("push", "phone", "email") if chance.random() < 0.9],
            "devices": chance.choice([1, 1, 2]),
        }
        for number in range(1, chance.randrange(4, 8))
    ]


def rates(chance: Random) -> dict[str, tuple[str, float]]:
    """{account: (channel, messages a second)}; a channel may have two."""
    found = {"push": 20.0, "whatsapp": chance.choice([1.0, 4.0]), "email": chance.choice([2.0, 10.0]), "popup": 50.0}
    accounts = {name: (name, rate) for name, rate in found.items()}
    if chance.random() < 0.4:
        accounts["email_two"] = ("email", 4.0)
    return accounts
