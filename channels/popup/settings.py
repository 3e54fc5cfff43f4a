"""KABAR_POPUP__*: nothing leaves the house, so there is nothing that must be set."""

from __future__ import annotations

from pydantic import PositiveFloat
from pydantic_settings import SettingsConfigDict

from config.settings import ChannelSettings


class PopupSettings(ChannelSettings):
    """`deadline`: seconds one send may take."""

    model_config = SettingsConfigDict(env_prefix="KABAR_POPUP__", extra="ignore", frozen=True)

    rate: PositiveFloat = 2000.0
    deadline: PositiveFloat = 30.0
