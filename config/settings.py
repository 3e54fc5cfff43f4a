"""Settings from the environment: KABAR_*, nested with `__`. Secrets never print themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from config.problems import ConfigError, Problem, nearest
from config.retention import Retention

S = TypeVar("S", bound=BaseSettings)

ACCOUNTS = "KABAR_ACCOUNTS__"  # named by channels.yaml
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.-]+(:\d{1,5})?", re.IGNORECASE)
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_UNREPEATED = "secret_refused"
_SHOWN = 80  # characters of a value in a message

Network = IPv4Network | IPv6Network


def _origins(value: str) -> str:
    given = value.replace(",", " ").split()
    for origin in given:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f'"{origin}" is no origin; write scheme and host as https://app.example.co.id, several with a space between')
    return " ".join(given).lower()


def _networks(value: str) -> str:
    given = value.replace(",", " ").split()
    for network in given:
        try:
            ip_network(network)
        except ValueError:
            raise ValueError(f'"{network}" is no address or network; write 10.0.0.5 or 10.0.0.0/24, several with a space between') from None
    return " ".join(given)


def _web_address(value: SecretStr) -> SecretStr:
    if not _WEB_ADDRESS.fullmatch(value.get_secret_value()):
        raise PydanticCustomError(_UNREPEATED, "it is no web address; write https://…")
    return value


class HttpSettings(BaseModel):
    """Where the web process listens and who may call it. retired_signing_keys: separated by commas; what they signed still holds.

    Rates are requests a second, of one web process; see console/http/limits.py for what each is about.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str | None = None
    api_key: SecretStr | None = None
    signing_key: SecretStr | None = None
    retired_signing_keys: SecretStr | None = None
    app_origins: Annotated[str, AfterValidator(_origins)] | None = None
    trusted_proxies: Annotated[str, AfterValidator(_networks)] | None = None
    key_rate: PositiveFloat = 1000.0
    open_rate: PositiveFloat = 200.0
    refused_rate: PositiveFloat = 1.0

    @property
    def address(self) -> str:
        """Where people reach it, without a slash at the end; unless public_url says so, this machine at the port that is set."""
        return (self.public_url or f"http://127.0.0.1:{self.port or 8080}").rstrip("/")

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Whose X-Forwarded-For is believed."""
        return tuple(ip_network(each) for each in (self.trusted_proxies or "").split())

    @property
    def origins(self) -> tuple[str, ...]:
        """Of web pages whose scripts may ask for pop-ups."""
        return tuple((self.app_origins or "").split())


class Settings(BaseSettings):
    """Everything that is not a channel's. Each field is `KABAR_<NAME>`; see docs/configuration.md."""

    model_config = SettingsConfigDict(env_prefix="KABAR_", env_nested_delimiter="__", extra="ignore", frozen=True)

    config_dir: Path = Path("config")
    var_dir: Path = Path("var")
    database_url: SecretStr | None = None
    http: HttpSettings = HttpSettings()
    retention: Retention = Retention()
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    worker_concurrency: PositiveInt = 8
    stop_grace: PositiveFloat = 20.0
    stale_hours: PositiveFloat = 24.0
    pg_tools: Path | None = None
    heartbeat_url: Annotated[SecretStr, AfterValidator(_web_address)] | None = None
    heartbeat_seconds: PositiveFloat = 60.0
    lease: PositiveFloat = 120.0
    may_unmask: str | None = None

    @property
    def unmasking(self) -> tuple[str, ...]:
        """Accounts of the machine that may see addresses in clear."""
        return tuple((self.may_unmask or "").replace(",", " ").split())

    @classmethod
    def read(cls) -> Self:
        """Read the environment. Raises ConfigError naming each setting that is wrong."""
        return read_settings(cls)


class ChannelSettings(BaseSettings):
    """What every account of a channel has. A channel subclasses it with its own `KABAR_<CHANNEL>__` prefix."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    rate: PositiveFloat = 50.0  # messages a second the provider allows this account
    concurrency: PositiveInt = 50  # requests in flight at once
    deadline: PositiveFloat = 30.0  # seconds one send may take

    @classmethod
    def read(cls, prefix: str | None = None, **given: object) -> Self:
        """Read the environment: by the channel's prefix or another, except for what is given.

        Raises ConfigError naming each setting that is wrong.
        """
        return read_settings(cls, prefix, **given)


def read_settings(kind: type[S], prefix: str | None = None, **given: Any) -> S:
    """One settings class from the environment, each fault under the name of its variable."""
    own = _prefix(kind)
    prefix = own if prefix is None else prefix
    try:
        return kind(_env_prefix=prefix, **given)
    except ValidationError as error:
        raise ConfigError([_problem(own, prefix, fault) for fault in error.errors()]) from None
    except SettingsError as error:
        message = f"{error}; write each part by itself, such as KABAR_HTTP__PORT=8080"
        raise ConfigError([Problem(prefix + "*", 0, 0, message)]) from None


def _problem(own: str, prefix: str, fault: ErrorDetails) -> Problem:
    name = "__".join(str(part) for part in fault["loc"]).upper() or "*"
    words = fault["msg"].removeprefix("Value error, ").replace(own, prefix)
    given = fault["input"]
    # SecretStr takes any text, so a text that was refused is no secret, but for those we look at ourselves.
    if isinstance(given, str) and given not in words and fault["type"] != _UNREPEATED:
        words = f'"{given[:_SHOWN]}" is refused: {words}'
    return Problem(prefix + name, 0, 0, words)


def variables(kind: type[BaseModel], prefix: str | None = None) -> Iterator[str]:
    """The name of every variable a settings class reads."""
    prefix = _prefix(kind) if prefix is None else prefix
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from variables(inner, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper()


def unknown_settings(environ: Iterable[str], kinds: Iterable[type[BaseModel]]) -> list[Problem]:
    """Variables that look like ours and are read by nobody: misspellings, which would be passed over in silence."""
    every: list[type[BaseModel]] = [Settings, *kinds]
    known = {name for kind in every for name in variables(kind)}
    mine = {name.upper() for name in environ if name.upper().startswith("KABAR_") and not name.upper().startswith(ACCOUNTS)}
    return [Problem(name, 0, 0, f"is no setting, it does nothing{nearest(name, known)}") for name in sorted(mine - known)]


def _prefix(kind: type[BaseModel]) -> str:
    return str(kind.model_config.get("env_prefix", ""))
