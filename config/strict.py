"""What every model of the YAML shares: strictness, names, zones, nominal times."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class Strict(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, arbitrary_types_allowed=True)


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f'"{name}" is not a time zone; write an IANA name such as Asia/Jakarta')
    return name


Zone = Annotated[str, AfterValidator(_zone)]
SLUG = r"^[a-z0-9][a-z0-9._-]{0,62}$"
Slug = Annotated[str, Field(pattern=SLUG)]


def _without_offset(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise ValueError("write company time without an offset, such as 2026-11-20 19:00; rules.yaml names the time zone")
    return value


Nominal = Annotated[datetime, AfterValidator(_without_offset)]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
