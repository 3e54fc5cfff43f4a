"""KABAR_PUSH__*: the FCM project and its service account."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import FilePath, HttpUrl, PositiveFloat, PositiveInt
from pydantic_settings import SettingsConfigDict

from channels.base import expect
from config.settings import ChannelSettings


class PushSettings(ChannelSettings):
    """`deadline`: seconds one send may take. FCM allows a project 600,000 messages a minute."""

    model_config = SettingsConfigDict(env_prefix="KABAR_PUSH__", extra="ignore", frozen=True)

    rate: PositiveFloat = 500.0
    concurrency: PositiveInt = 100
    deadline: PositiveFloat = 12.0
    endpoint: HttpUrl = HttpUrl("https://fcm.googleapis.com")
    token_uri: HttpUrl | None = None
    project: str | None = None
    credentials_file: FilePath | None = None


def missing(settings: ChannelSettings) -> Sequence[str]:
    """The variables without which nothing can be pushed."""
    push = expect(PushSettings, settings)
    named = {"KABAR_PUSH__PROJECT": push.project, "KABAR_PUSH__CREDENTIALS_FILE": push.credentials_file}
    return [name for name, value in named.items() if not value]
