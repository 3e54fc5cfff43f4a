"""KABAR_EMAIL__*: the submission server and who we are to it."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parseaddr
from enum import StrEnum
from typing import Annotated, Self

from pydantic import DirectoryPath, Field, FilePath, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from channels.base import expect
from channels.email.address import envelope_address
from config.settings import ChannelSettings

_DOMAIN = r"^[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9][A-Za-z0-9-]*)*$"


class Security(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class EmailSettings(ChannelSettings):
    """`concurrency`: connections kept open. `deadline`: seconds one send may take. `ca_file`: an authority beside the system's.

    sender:        `Name <address>`; its domain is that of Message-ID, List-ID and DKIM
    bounce_domain: turns on the return path bounce+<key>-<seal>@<bounce_domain> and the mailto: way to unsubscribe
    bounce_maildir, bounce_lmtp: where `kabar bounces` finds what comes back; host:port for the second
    bounce_soft_times, _days: so many messages that a full or disabled mailbox gave back in at least so many days end an address
    """

    model_config = SettingsConfigDict(env_prefix="KABAR_EMAIL__", extra="ignore", frozen=True)

    concurrency: PositiveInt = 10
    deadline: PositiveFloat = 60.0
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Security = Security.STARTTLS
    ca_file: FilePath | None = None
    username: str | None = None
    password: SecretStr | None = None
    sender: str | None = None
    bounce_domain: Annotated[str, Field(pattern=_DOMAIN)] | None = None
    bounce_maildir: DirectoryPath | None = None
    bounce_lmtp: Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$")] | None = None
    bounce_soft_times: NonNegativeInt = 5
    bounce_soft_days: PositiveInt = 14
    dkim_key_file: FilePath | None = None
    dkim_selector: Annotated[str, Field(pattern=_DOMAIN)] | None = None

    @field_validator("sender")
    @classmethod
    def _is_sender(cls, value: str | None) -> str | None:
        if value is not None and (any(ord(char) < 32 for char in value) or envelope_address(parseaddr(value)[1]) is None):
            raise ValueError(f'"{value}" is not a sender; write Name <name@example.com>')
        return value

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("KABAR_EMAIL__USERNAME and KABAR_EMAIL__PASSWORD go together")
        if (self.dkim_key_file is None) != (self.dkim_selector is None):
            raise ValueError("KABAR_EMAIL__DKIM_KEY_FILE and KABAR_EMAIL__DKIM_SELECTOR go together")
        if self.password is not None and self.security is Security.NONE:
            raise ValueError("KABAR_EMAIL__SECURITY=none would send the password in clear; use starttls or tls")
        return self


def missing(settings: ChannelSettings) -> Sequence[str]:
    """The variables without which nothing can be sent."""
    email = expect(EmailSettings, settings)
    named = {"KABAR_EMAIL__HOST": email.host, "KABAR_EMAIL__SENDER": email.sender}
    return [name for name, value in named.items() if not value]
