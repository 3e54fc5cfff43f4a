"""Moments as people type them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import typer

from config.values import parse_duration

SINCE = "ISO date or time in the company's zone (2026-11-20, 2026-11-20T19:00), or how long ago (2h, 3d)."


def wall_clock() -> datetime:
    return datetime.now(UTC)


def parse_since(text: str, zone: ZoneInfo, now: datetime, option: str = "--since") -> datetime:
    """A date (its midnight), a date and time, or a duration back from `now`; what names no zone is in `zone`. UTC.

    Raises typer.BadParameter.
    """
    words = text.strip().removesuffix("ago").strip()
    with suppress(ValueError, OverflowError):  # not a duration: it may be a date
        return now - parse_duration(words)
    try:
        moment = datetime.fromisoformat(words)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f'"{text}" is not a time; write 2026-11-20, 2026-11-20T19:00, 2h or 3d', param_hint=option) from None
