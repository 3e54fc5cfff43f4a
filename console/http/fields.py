"""What requests are made of: bounded, and nothing in them that a database could choke on."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainValidator

_OLDEST = datetime(2020, 1, 1, tzinfo=UTC)  # before the house was built: a clock gone wrong
_LARGEST = 2**53  # beyond it JSON readers disagree
TEXT_LENGTH = 2000
NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"


class Body(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _plain(value: object) -> str | int | float | bool:
    if isinstance(value, str):
        if len(value) > TEXT_LENGTH or "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"text of at most {TEXT_LENGTH} characters, without NUL")
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) <= _LARGEST:
        return value
    raise ValueError("write text, a number up to 2^53 or true/false")


Word = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_CONTROLS)]
Plain = Annotated[str | int | float | bool, PlainValidator(_plain)]
At = Annotated[AwareDatetime, Field(ge=_OLDEST)]
DeliveryId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")]
ButtonId = Annotated[str, Field(max_length=32, pattern=r"^[a-z0-9][a-z0-9_-]*$")]


def time_text(at: datetime) -> str:
    """As answers write it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
