"""What operations write, as frozen values: rules, segments, events, campaigns. Grammar: docs/configuration.md."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from config.strict import Names, Nominal, Slug, Strict, Zone
from config.values import CapPeriod, Duration, WeeklyHours, Window, basis_points, format_duration, parse_weekly_hours
from config.when import When

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
        per = self.per if isinstance(self.per, str) else _rolling(self.per)
        return f"{'+'.join(filter(None, (self.channel, self.category))) or 'all'}:{self.max}/{per}"


def _rolling(per: timedelta) -> str:
    """Whole hours as hours, `168h`, as they always were; two different caps never have one name."""
    hours, rest = divmod(per, timedelta(hours=1))
    return format_duration(per) if rest else f"{hours}h"


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
    count_clicks:   links in its mails lead through Kabar, which counts the clicks; default: those of offers do
    """

    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    offer: bool = False
    ignore: frozenset[Literal["window", "gap", "caps", "topic"]] = frozenset()
    counts_in_caps: bool = True
    digest: Digest | None = None
    on_unknown: Literal["hold", "resend"] = "hold"
    approval: bool | None = None
    count_clicks: bool | None = None

    @property
    def counts_clicks(self) -> bool:
        return self.offer if self.count_clicks is None else self.count_clicks

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


class Then(Strict):
    """The same message by one more channel, so long after the first was sent, unless that was answered as `unless` says."""

    channel: str
    after: Duration
    unless: Literal["delivered", "read", "clicked"]

    @field_validator("after")
    @classmethod
    def _some_time(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            raise ValueError("`after` gives people time to answer; write 30m or 2h, or list both channels to send by both at once")
        return value


class Channels(Strict):
    """`[push, popup]` = all of them; `{first: [whatsapp, email]}` = the first on which the person is reachable.

    then: what follows a message of `first` that nobody answered; its channel also is the last of those that are tried
    """

    all: Names = ()
    first: Names = ()
    then: Then | None = None

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return {"all": value} if isinstance(value, list | str) else value

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.all) == bool(self.first):
            raise ValueError("write a list of channels, or {first: [whatsapp, email]}")
        if self.then and self.all:
            raise ValueError("`then` follows one message; write {first: [push], then: {channel: email, after: 2h, unless: read}}")
        if len(set(self.names)) != len(self.names):
            raise ValueError("a channel is named twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Every channel a message may go by."""
        return self.all or self.choice

    @property
    def choice(self) -> tuple[str, ...]:
        """Those of which the first is taken that reaches the person; empty where all of them are."""
        return (*self.first, self.then.channel) if self.then else self.first


class Control(Strict):
    """A stable part of the audience that gets nothing, to compare with. share: in basis points; seed: the same seed, the same people."""

    share: Annotated[int, BeforeValidator(basis_points)]
    seed: str | None = None


class Campaign(Strict):
    """schedules/<name>.yaml: who gets what, when, by which channels.

    queue_for:    how long a message may wait for the rules
    count_clicks: other than its category says
    """

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
    count_clicks: bool | None = None
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
