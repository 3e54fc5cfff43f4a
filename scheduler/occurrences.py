"""From a campaign's trigger to its occurrences: nominal local times, so that clocks changing neither double nor lose one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

from apscheduler.triggers.cron import CronTrigger

from config.catalog import Config
from config.models import Campaign
from config.when import When
from rules.calendar import HolidayCalendar
from rules.localtime import instants

MOST = 1_000  # occurrences looked at in one go; beyond that a machine was away so long that the oldest do not matter
_SLACK = timedelta(hours=4)  # more than any zone ever moved its clocks at once
_EPOCH = datetime.combine(date(2000, 1, 3), time())  # a Monday


@dataclass(frozen=True, slots=True)
class Occurrence:
    """key: the nominal local time. at: when that is, UTC. data: of the business event."""

    key: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


def occurrences(config: Config, campaign: Campaign, calendar: HolidayCalendar, since: datetime, until: datetime) -> list[Occurrence]:
    """What falls due in (since, until], in order. A local time that clocks skip falls at the moment of the change."""
    zone = config.rules.zone
    first = since.astimezone(zone).replace(tzinfo=None) - _SLACK
    last = until.astimezone(zone).replace(tzinfo=None) + _SLACK
    found = {}
    for nominal, data in _nominal(config, campaign, calendar, first, last):
        at = instants(nominal, zone)[0]
        if since < at <= until and _in_period(campaign, nominal.date()):
            key = nominal.isoformat(timespec="minutes")
            found[key] = Occurrence(key, at, data)
    return sorted(found.values(), key=lambda occurrence: (occurrence.at, occurrence.key))


def next_at(config: Config, campaign: Campaign, calendar: HolidayCalendar, after: datetime, horizon: timedelta) -> datetime | None:
    """The first occurrence after an instant, None when there is none within the horizon."""
    found = occurrences(config, campaign, calendar, after, after + horizon)
    return found[0].at if found else None


def _in_period(campaign: Campaign, day: date) -> bool:
    return (campaign.starts is None or campaign.starts <= day) and (campaign.ends is None or day <= campaign.ends)


_Nominal = Iterator[tuple[datetime, Mapping[str, Any]]]


def _nominal(config: Config, campaign: Campaign, calendar: HolidayCalendar, first: datetime, last: datetime) -> _Nominal:
    when = campaign.when
    if when.at is not None:
        yield from ((at, {}) for at in when.at)
    elif when.cron is not None:
        yield from ((at, {}) for at in _cron(when, calendar, first, last))
    elif when.every is not None:
        yield from ((at, {}) for at in _every(when.every, campaign.starts, first, last))
    elif when.anniversary is not None:
        yield from ((at, {}) for at in _daily(when.time, first, last))
    elif name := when.before or when.after:
        shift = -when.by if when.before else when.by
        for event in config.events.business.get(name, ()):
            yield event.at.replace(tzinfo=None) + shift, event_data(event.at, event.data)


def event_data(at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """A business event as templates see it, in plain JSON."""
    plain = {key: value if isinstance(value, str | int | float | bool) else str(value) for key, value in data.items()}
    return {**plain, "at": at.replace(tzinfo=None).isoformat()}


def _cron(when: When, calendar: HolidayCalendar, first: datetime, last: datetime) -> Iterator[datetime]:
    # Nominal local time dressed as UTC: CronTrigger in a real zone fires twice where clocks go back.
    trigger = _trigger(str(when.cron))
    at = trigger.get_next_fire_time(None, first.replace(tzinfo=UTC))
    kept: list[datetime] = []
    while at is not None and at <= last.replace(tzinfo=UTC):
        nominal = at.replace(tzinfo=None)
        if _on(when, calendar, nominal.date()):
            kept.append(nominal)
        at = trigger.get_next_fire_time(at, at + timedelta(seconds=1))
    yield from kept[-MOST:]


@lru_cache(maxsize=256)
def _trigger(cron: str) -> CronTrigger:
    return CronTrigger.from_crontab(cron, timezone=UTC)


def _on(when: When, calendar: HolidayCalendar, day: date) -> bool:
    match when.on:
        case None:
            return True
        case "working-days":
            return calendar.is_working_day(day)
        case "first-working-day":
            return day == calendar.first_working_day(day.year, day.month)
        case "last-working-day":
            return day == calendar.last_working_day(day.year, day.month)


def _every(step: timedelta, starts: date | None, first: datetime, last: datetime) -> Iterator[datetime]:
    anchor = datetime.combine(starts, time()) if starts else _EPOCH
    count = (last - anchor) // step
    latest = anchor + count * step
    back = (latest - back_step for back_step in (step * n for n in range(MOST)))
    yield from reversed([at for at in islice(back, MOST) if at >= max(first, anchor if starts else first)])


def _daily(at: time, first: datetime, last: datetime) -> Iterator[datetime]:
    day = max(first.date(), last.date() - timedelta(days=MOST))
    while day <= last.date():
        yield datetime.combine(day, at)
        day += timedelta(days=1)
