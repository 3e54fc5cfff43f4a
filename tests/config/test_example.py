"""The shipped configuration loads, covers every kind of campaign, and every text of it renders for every kind of customer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from channels.base import Content
from channels.registry import CHANNELS
from config.loader import Config, load
from config.templating import RenderError, compile_text

HERE = Path(__file__).parents[2] / "config"
CONFIG = load(HERE, {name: channel.content for name, channel in CHANNELS.items()})


@pytest.fixture
def config() -> Config:
    return CONFIG


def test_every_kind_of_trigger_and_channel_is_shown(config: Config) -> None:
    assert {campaign.when.kind for campaign in config.campaigns.values()} == {"at", "cron", "before", "event", "anniversary"}
    assert {name for campaign in config.campaigns.values() for name in campaign.channels.names} >= {"push", "whatsapp", "email", "popup"}


def test_the_week_of_the_demo_has_its_two_classes(config: Config) -> None:
    campaign = config.campaigns["live-trading"]
    announced = [event.at - campaign.when.by for event in config.events.business["live-trading"]]
    assert datetime.fromisoformat("2026-11-20T19:00") in announced
    assert datetime.fromisoformat("2026-11-21T10:00") in announced
    assert campaign.expires <= timedelta(hours=1)


def test_offers_need_approval_and_service_messages_do_not(config: Config) -> None:
    needs = {name for name, campaign in config.campaigns.items() if config.rules.categories[campaign.category].needs_approval}
    assert needs == {"cuanpionship", "ramadan-hnwi", "win-back"}


@pytest.mark.parametrize("name", sorted(CONFIG.campaigns))
def test_the_tone_fits_the_segment(config: Config, name: str) -> None:
    for variant in config.templates[config.campaigns[name].template].variants:
        words = " ".join(str(content) for content in variant.channels.values()).lower()
        formal, light = re.search(r"\banda\b", words), re.search(r"\bkamu\b|\b\w+mu\b(?<!\btemu)", words)
        if variant.segment == "hnwi":
            assert formal
            assert not light
        elif variant.locale == "en":
            assert not formal
            assert not light
        elif config.campaigns[name].audience.any != ("hnwi",):
            assert not formal


@pytest.mark.parametrize("name", sorted(CONFIG.campaigns))
def test_every_text_renders_for_a_customer_without_any_attributes(config: Config, name: str) -> None:
    campaign = config.campaigns[name]
    event = {"reason": "foto KTP buram"} if campaign.when.event else {}
    if campaign.when.before:
        first = config.events.business[campaign.when.before][0]
        event = {**first.data, "at": first.at.isoformat()}
    values = {
        "name": "Budi", "first_name": "Budi", "customer_no": "1", "locale": "id", "campaign": name, "attributes": {}, "event": event,
    }  # fmt: skip
    for variant in config.templates[campaign.template].variants:
        for content in variant.channels.values():
            assert isinstance(content, Content)
            prepared = content.prepared().model_dump(exclude_none=True)
            for text in _texts(prepared):
                try:
                    assert "{{" not in compile_text(text, autoescape=True).render(values)
                except RenderError as error:
                    pytest.fail(f"{text}: {error}")


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [text for child in children for text in _texts(child)]
