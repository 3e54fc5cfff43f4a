"""What `kabar calendar --json` shows, with stable keys.

timezone   of the days; times are ISO 8601 UTC
counted    are there numbers of messages? not_counted_because: why not, null when there are
days       [{date, holiday: name or null, weekend, campaigns, load}]
campaigns  [{campaign, due: [time], occurrences, held, openings, messages: {channel: n}, own, clashes}]
held       why nothing of a campaign goes as things stand, or null
own        the rule by which it comes too soon after its own message before and never goes to who got that, or null
openings   [{segments, window, opens_at: null where its hours come too late, closes_at}]
clashes    [{winner, channel, segment, wanted_at, goes_at: null = never, same_opening, reason}]
load       [{channel, messages, sends, capacity, share, opens_at, closes_at}]: the tightest stretch of the day; share 1 = full
events     [{campaign, event, channels, held}]: whenever it happens
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from config.loader import Config
from scheduler.outlook.clashes import Clash
from scheduler.outlook.days import Day, Entry, Opening
from scheduler.outlook.volume import Load


def plain(config: Config, days: Sequence[Day], held: Mapping[str, str], uncounted: str | None) -> dict[str, Any]:
    return {
        "timezone": config.rules.timezone,
        "counted": uncounted is None,
        "not_counted_because": uncounted,
        "days": [_day(day, held) for day in days],
        "events": [
            {"campaign": name, "event": one.when.event, "channels": list(one.channels.names), "held": held.get(name)}
            for name, one in config.campaigns.items()
            if one.when.event is not None
        ],
    }


def _day(day: Day, held: Mapping[str, str]) -> dict[str, Any]:
    return {
        "date": day.date.isoformat(),
        "holiday": day.holiday,
        "weekend": day.date.weekday() > 4,
        "campaigns": [_entry(entry, held) for entry in day.entries],
        "load": [_load(load) for load in day.loads],
    }


def _entry(entry: Entry, held: Mapping[str, str]) -> dict[str, Any]:
    return {
        "campaign": entry.campaign,
        "due": [_time(occurrence.at) for occurrence in entry.due],
        "occurrences": [occurrence.key for occurrence in entry.due],
        "held": held.get(entry.campaign),
        "openings": [_opening(opening) for opening in entry.openings],
        "messages": dict(entry.messages),
        "own": str(entry.spent.code) if entry.spent else None,
        "clashes": [_clash(clash) for clash in entry.clashes],
    }


def _opening(opening: Opening) -> dict[str, Any]:
    return {
        "segments": [kind for kind in opening.kinds if kind],
        "window": opening.window,
        "opens_at": _time(opening.opens),
        "closes_at": _time(opening.closes),
    }


def _clash(clash: Clash) -> dict[str, Any]:
    return {
        "winner": clash.winner,
        "channel": clash.loser.channel,
        "segment": clash.kind,
        "wanted_at": _time(clash.wanted),
        "goes_at": _time(clash.goes),
        "same_opening": not clash.missed,
        "reason": str(clash.reason.code) if clash.reason else None,
    }


def _load(load: Load) -> dict[str, Any]:
    return {
        "channel": load.channel,
        "messages": load.messages,
        "sends": load.sends,
        "capacity": load.capacity,
        "share": round(load.share, 4),
        "opens_at": _time(load.opens),
        "closes_at": _time(load.closes),
    }


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
