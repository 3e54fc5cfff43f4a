"""Settings from the environment: KABAR_*, nested with `__`. Secrets never print themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.problems import ConfigError, Problem

S = TypeVar("S", bound=BaseSettings)


class HttpSettings(BaseModel):
    """Where the web process listens and who may call it."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = "http://127.0.0.1:8080"
    api_key: SecretStr | None = None
    signing_key: SecretStr | None = None


class Settings(BaseSettings):
    """Everything that is not a channel's. Each field is `KABAR_<NAME>`; see docs/configuration.md."""

    model_config = SettingsConfigDict(env_prefix="KABAR_", env_nested_delimiter="__", extra="ignore", frozen=True)

    config_dir: Path = Path("config")
    var_dir: Path = Path("var")
    database_url: SecretStr | None = None
    http: HttpSettings = HttpSettings()
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    worker_concurrency: PositiveInt = 8
    stop_grace: PositiveFloat = 20.0

    @classmethod
    def read(cls) -> Self:
        """Read the environment. Raises ConfigError naming each setting that is wrong."""
        return read_settings(cls)


class ChannelSettings(BaseSettings):
    """What every channel's default account has. A channel subclasses it with its own `KABAR_<CHANNEL>__` prefix."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    rate: PositiveFloat = 50.0  # messages a second the provider allows this account
    concurrency: PositiveInt = 50  # requests in flight at once

    @classmethod
    def read(cls) -> Self:
        """Read the environment. Raises ConfigError naming each setting that is wrong."""
        return read_settings(cls)


def read_settings(kind: type[S]) -> S:
    """One settings class from the environment, each fault under the name of its variable."""
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        raise ConfigError(
            [
                Problem(prefix + "__".join(str(part) for part in fault["loc"]).upper(), 0, 0, fault["msg"])
                for fault in error.errors(include_input=False)
            ]
        ) from None
