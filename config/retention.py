"""How long what is over is kept, per table: KABAR_RETENTION__*. docs/privacy.md has the reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from config.values import Duration, format_duration

_LEAST = timedelta(days=1)


def _a_day(value: timedelta) -> timedelta:
    if value < _LEAST:
        raise ValueError(f"{format_duration(value)} is less than a day; write 1d or more")
    return value


Kept = Annotated[Duration, AfterValidator(_a_day)]


class Retention(BaseModel):
    """messages:      finished ones, with their attempts, decisions, reports and pop-ups, and the runs and events they came from
    interactions:  what people said that belongs to no message
    event_data:    what customer events carried; that they came stays as long as their messages
    popup_content: words of pop-ups that have expired
    receipts:      webhooks as they came, once they are applied
    """

    model_config = ConfigDict(frozen=True)

    messages: Kept = timedelta(days=400)
    interactions: Kept = timedelta(days=400)
    event_data: Kept = timedelta(days=90)
    popup_content: Kept = timedelta(days=30)
    receipts: Kept = timedelta(days=30)
