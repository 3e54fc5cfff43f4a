"""Whom the fleet writes to, and what: every way of sending that is promised something of its own, at a pace that keeps everybody busy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from store import runs
from store.engine import open_database
from tests.chaos.fleet import Fleet
from tests.storm import scene
from tests.world import TEMPLATE, campaign

JAKARTA = ZoneInfo("Asia/Jakarta")
EVENT = "deposit.received"
# name, category, channels: push and pop-up are collapsed by our id, `service` is sent again in doubt, `promo` never is.
CAMPAIGNS = (
    ("news", "info", "[push, popup]"),
    ("letter", "promo", "[email]"),
    ("offer", "promo", "[whatsapp]"),
    ("account", "service", "[email]"),
    ("code", "service", "[whatsapp]"),
)
A_PERSON = 6
RULES = """
windows: {any-time: always}
segment_windows: {}
categories:
  service: {priority: 100, ignore: [window, gap, caps], on_unknown: resend}
  info: {priority: 30}
  promo: {priority: 10, offer: true, approval: false}
"""
_AGO = timedelta(minutes=2)  # the campaigns were due, and are caught up with at the first tick: no minute is waited for


def files(*, expires: str = "6h") -> Mapping[str, str]:
    """Each campaign once, at once; and one that answers customer events."""
    asked = {"audience": "everyone", "window": "any-time", "expires": expires}
    moment = f'{{at: "{datetime.now(JAKARTA) - _AGO:%Y-%m-%d %H:%M}"}}'
    texts = [campaign(name, category=category, channels=channels, when=moment, **asked) for name, category, channels in CAMPAIGNS]
    texts.append(campaign("told", category="info", channels="[push]", when=f"{{event: {EVENT}}}", **asked))
    return {
        "rules.yaml": RULES,
        "segments.yaml": "segments: {all: trades_last_month >= 0}",
        "events.yaml": f"customer: {{{EVENT}: {{}}}}",
        "templates/hello.yaml": TEMPLATE,
        **{f"schedules/c{number}.yaml": text for number, text in enumerate(texts)},
    }


async def populate(fleet: Fleet, people: int) -> None:
    """One device, phone and e-mail address each; and the campaigns as if they had been known for an hour."""
    database = open_database(fleet.postgres.url())
    await scene.populate(database, people, devices=1)
    async with database.begin() as connection:
        await runs.move_planned_until(connection, {name: datetime.now(UTC) - timedelta(hours=1) for name, *_ in CAMPAIGNS})
    await database.close()


def pace(*, email: float, whatsapp: float, push: float, popup: float = 200) -> dict[str, str]:
    """Settings: messages a second of each channel, and providers that nobody waits long for."""
    rates = {"EMAIL": email, "WHATSAPP": whatsapp, "PUSH": push, "POPUP": popup}
    return {f"KABAR_{channel}__RATE": f"{rate:g}" for channel, rate in rates.items()}
