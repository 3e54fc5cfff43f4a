"""KABAR_WHATSAPP__*: the phone number we send from, and the app that receives its webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, HttpUrl, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import SettingsConfigDict

from channels.base import expect
from config.settings import ChannelSettings


def _or_unlimited(given: object) -> object:
    return None if isinstance(given, str) and given.strip().lower() in ("", "unlimited") else given


class WhatsAppSettings(ChannelSettings):
    """`deadline`: seconds one send may take. A number sends 80 messages a second until Meta upgrades it to 1,000.

    daily_people: how many different people Meta lets the business portfolio write to in 24 hours, over all its numbers.
    app_secret and verify_token are for receipts and opt-outs; without them webhooks are refused, sending works.
    """

    model_config = SettingsConfigDict(env_prefix="KABAR_WHATSAPP__", extra="ignore", frozen=True)

    rate: PositiveFloat = 80.0
    deadline: PositiveFloat = 12.0
    endpoint: HttpUrl = HttpUrl("https://graph.facebook.com")
    version: Annotated[str, Field(pattern=r"^\d+\.\d+$")] = "26.0"
    daily_people: Annotated[PositiveInt | None, BeforeValidator(_or_unlimited)] = None
    phone_number_id: str | None = None
    token: SecretStr | None = None
    app_secret: SecretStr | None = None
    verify_token: SecretStr | None = None


def missing(settings: ChannelSettings) -> Sequence[str]:
    """The variables without which nothing can be sent."""
    whatsapp = expect(WhatsAppSettings, settings)
    named = {"KABAR_WHATSAPP__PHONE_NUMBER_ID": whatsapp.phone_number_id, "KABAR_WHATSAPP__TOKEN": whatsapp.token}
    return [name for name, value in named.items() if not value]
