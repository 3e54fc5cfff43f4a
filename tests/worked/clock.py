"""Times as the page writes them: `Fri 2026-11-20 19:00` on somebody's clock, with the zone's short name where it shows a time twice."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_SHAPE = "%a %Y-%m-%d %H:%M"


def read_time(text: str, zone: str) -> datetime:
    """`Sun 2026-11-01 01:30 EST` → a UTC instant. Raises ValueError when no clock of the zone ever shows it."""
    shown, short = text[:20], text[20:].strip()
    place = ZoneInfo("UTC") if short == "UTC" else ZoneInfo(zone)
    for fold in (0, 1):
        local = datetime.strptime(shown, _SHAPE).replace(tzinfo=place, fold=fold)
        at = local.astimezone(UTC)
        if short in ("", local.tzname()) and f"{at.astimezone(place):{_SHAPE}}" == shown:
            return at
    raise ValueError(f'"{text}" is never shown by a clock in {zone}')


def show_time(at: datetime, zone: str) -> str:
    """The other way round; seconds are shown when there are any."""
    local = at.astimezone(ZoneInfo(zone))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    seconds = f"{local:%S}" if local.second or local.microsecond else ""
    return f"{local:{_SHAPE}}" + (f":{seconds}" if seconds else "") + (f" {local.tzname()}" if twice else "")


def read_day(text: str) -> date:
    """`Fri 2026-11-20`. Raises ValueError when that day is not a Friday."""
    day = datetime.strptime(text, "%a %Y-%m-%d").replace(tzinfo=UTC).date()
    if f"{day:%a %Y-%m-%d}" != text:
        raise ValueError(f'"{text}" is a {day:%a}')
    return day
