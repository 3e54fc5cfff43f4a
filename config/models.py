"""What operations write, as frozen values: rules, segments, events, campaigns. Grammar: docs/configuration.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from config.values import WEEKDAYS, CapPeriod, Duration, WeeklyHours, Window, parse_weekly_hours


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


# --- rules.yaml -----------------------------------------------------------------------------------------------------


class Holidays(Strict):
    """Public holidays and joint leave of a country, with days added and struck by hand."""

    country: str = "ID"
    add: tuple[date, ...] = ()
    strike: tuple[date, ...] = ()


class Cap(Strict):
    """At most `max` messages per period to one person, of one channel, one category, or all."""

    channel: str | None = None
    category: str | None = None
    max: Annotated[int, Field(ge=0)]
    per: CapPeriod

    @property
    def name(self) -> str:
        per = self.per if isinstance(self.per, str) else f"{int(self.per.total_seconds() // 3600)}h"
        return f"{self.channel or self.category or 'all'}:{self.max}/{per}"


class Overlap(Strict):
    """What keeps messages of different runs to one person apart. popup_gap: between two pop-ups the app shows."""

    gap: Duration = timedelta(0)
    same_topic: Duration = timedelta(0)
    popup_gap: Duration = timedelta(0)
    caps: tuple[Cap, ...] = ()


class Digest(Strict):
    """Waiting messages of one category to one person by one channel, queued within so long of each other, go as one."""

    within: Duration
    template: str


class Category(Strict):
    """How important a kind of message is and which rules it is free of.

    offer:          needs marketing consent, and outside the lawful hours the hours consent
    counts_in_caps: its messages use up the caps of others; being free of caps itself is `ignore`
    on_unknown:     after a doubtful send, `hold` it for a person or `resend` it flagged
    approval:       a campaign of it goes out only as approved; default: offers do
    """

    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    offer: bool = False
    ignore: frozenset[Literal["window", "gap", "caps", "topic"]] = frozenset()
    counts_in_caps: bool = True
    digest: Digest | None = None
    on_unknown: Literal["hold", "resend"] = "hold"
    approval: bool | None = None

    @property
    def needs_approval(self) -> bool:
        return self.offer if self.approval is None else self.approval


Tone = Literal["anda", "kamu"]


class Rules(Strict):
    """rules.yaml: always the newest version is in force.

    personal_channels: those on which offers keep to the lawful hours; None = all but pop-ups, as the registry says
    tone:              how Indonesian texts address a segment; the first segment a person is in counts
    """

    timezone: Zone = "Asia/Jakarta"
    holidays: Holidays = Holidays()
    windows: Mapping[str, Window]
    segment_windows: Mapping[str, str] = {}
    offers_without_hours_consent: WeeklyHours = parse_weekly_hours("Mon-Sat 08:00-18:00, no holidays")
    personal_channels: Names | None = None
    tone: Mapping[str, Tone] = {}
    overlap: Overlap = Overlap()
    categories: Mapping[str, Category]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


# --- events.yaml ----------------------------------------------------------------------------------------------------


class BusinessEvent(Strict):
    """One dated event of the house; `at` is nominal local time of the company. Other keys are data for templates."""

    model_config = ConfigDict(frozen=True, extra="allow", str_strip_whitespace=True)

    at: Nominal

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class CustomerEvent(Strict):
    """An event the back office emits for one customer, and the data it carries."""

    data: tuple[str, ...] = ()


class Events(Strict):
    business: Mapping[str, tuple[BusinessEvent, ...]] = {}
    customer: Mapping[str, CustomerEvent] = {}


# --- schedules/*.yaml -----------------------------------------------------------------------------------------------


class Audience(Strict):
    """Segments combined: in any of `any`, in all of `all`, in none of `not`. Everyone when nothing is asked."""

    any: Names = ()
    all: Names = ()
    none: Annotated[Names, Field(alias="not")] = ()

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        if value == "everyone":
            return {}
        return {"any": [value]} if isinstance(value, str) else {"any": value} if isinstance(value, list) else value

    @property
    def names(self) -> tuple[str, ...]:
        return self.any + self.all + self.none


class Channels(Strict):
    """`[push, popup]` = all of them; `{first: [whatsapp, email]}` = the first on which the person is reachable."""

    all: Names = ()
    first: Names = ()

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return {"all": value} if isinstance(value, list | str) else value

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.all) == bool(self.first):
            raise ValueError("write a list of channels, or {first: [whatsapp, email]}")
        if len(set(self.names)) != len(self.names):
            raise ValueError("a channel is named twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return self.all or self.first


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


def _basis_points(value: object) -> int:
    """`10%` or `2.5%` → 1000 or 250. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,2}(?:\.\d{1,2})?)%", value.strip()) if isinstance(value, str) else None
    if not found or not (points := round(float(found[1]) * 100)):
        raise ValueError(f'"{value}" is not a share; write 5% or 2.5%, more than 0% and less than 100%')
    return points


class Control(Strict):
    """A stable part of the audience that gets nothing, to compare with. share: in basis points; seed: the same seed, the same people."""

    share: Annotated[int, BeforeValidator(_basis_points)]
    seed: str | None = None


class Campaign(Strict):
    """schedules/<name>.yaml: who gets what, when, by which channels. queue_for: how long a message may wait for the rules."""

    campaign: Slug
    category: str
    topic: str | None = None
    audience: Audience
    channels: Channels
    when: When
    window: str | None = None
    expires: Duration = timedelta(days=7)
    queue_for: Duration | None = None
    control: Control | None = None
    template: str
    owner: str
    catch_up: Literal["latest", "all", "skip"] = "latest"
    starts: date | None = None
    ends: date | None = None

    @field_validator("queue_for")
    @classmethod
    def _patience(cls, value: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if value is not None and value > info.data.get("expires", value):
            raise ValueError("`queue_for` is longer than `expires`, so it would never come to bear; shorten it or leave it out")
        return value

    @model_validator(mode="after")
    def _period(self) -> Self:
        if self.starts and self.ends and self.ends < self.starts:
            raise ValueError("`ends` is before `starts`")
        return self
