"""`when:` of a campaign: what makes a run."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal, Self

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.strict import Nominal, Strict
from config.values import WEEKDAYS, Duration


def _datetimes(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


def _cron(text: str) -> str:
    check_cron(text)
    return text


def _not_too_often(every: timedelta) -> timedelta:
    if every < timedelta(minutes=1):
        raise ValueError("`every` is at least 1m")
    return every


class When(Strict):
    """What makes a run: exactly one of at, cron, every, before, after, event, anniversary. Times are nominal company time.

    on:   keeps only some days of a cron: working-days, first-working-day or last-working-day of the month
    by:   distance from a business event
    time: hour of an anniversary run
    """

    at: Annotated[tuple[Nominal, ...], BeforeValidator(_datetimes)] | None = None
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    every: Annotated[Duration, AfterValidator(_not_too_often)] | None = None
    before: str | None = None
    after: str | None = None
    event: str | None = None
    anniversary: Literal["birthday"] | None = None
    by: Duration = timedelta(0)
    on: Literal["working-days", "first-working-day", "last-working-day"] | None = None
    time: Annotated[time, Field(default=time(0, 5))]

    @property
    def kind(self) -> str:
        return next(name for name in TRIGGERS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        given = [name for name in TRIGGERS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"when: needs exactly one of {', '.join(TRIGGERS)}; found {', '.join(given) or 'none'}")
        if "by" in self.model_fields_set and not (self.before or self.after):
            raise ValueError("`by` is the distance from a business event; it needs before: or after:")
        if "time" in self.model_fields_set and not self.anniversary:
            raise ValueError("`time` is the hour of an anniversary only")
        if self.on and not self.cron:
            raise ValueError("`on` narrows a cron only")
        return self


TRIGGERS = ("at", "cron", "every", "before", "after", "event", "anniversary")


def check_cron(text: str) -> None:
    """Five fields, weekdays by name: 0 is Sunday to some tools and Monday to others. Raises ValueError."""
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f'cron "{text}" has {len(fields)} fields; write minute hour day month weekday, e.g. "0 9 * * mon"')
    try:
        trigger = CronTrigger.from_crontab(text, timezone="UTC")
    except ValueError as error:
        raise ValueError(f'cron "{text}": {error}; write minute hour day month weekday, e.g. "0 9 * * mon"') from None
    if fields[4] != "*" and any(char.isdigit() for char in fields[4]):
        raise ValueError(f'cron weekday "{fields[4]}" is numeric; name it ({", ".join(WEEKDAYS)})')
    if trigger.get_next_fire_time(None, datetime(2024, 1, 1, tzinfo=UTC)) is None:
        raise ValueError(f'cron "{text}" names a day that no month has; it would never run')
