"""Which messages of two campaigns come so close that a rule may stand between them: only those need to be played together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta

from config.models import Campaign, Cap
from config.values import Calendar, Period
from scheduler.outlook.play import Fate
from scheduler.outlook.scene import Scene

_CALENDAR = {Calendar.DAY: timedelta(days=1), Calendar.WEEK: timedelta(days=7), Calendar.MONTH: timedelta(days=31)}


def meeting(scene: Scene, one: Campaign, other: Campaign, first: Sequence[Fate], second: Sequence[Fate]) -> set[tuple[str, str]]:
    """(campaign, occurrence) of the first messages that meet, from what becomes of each campaign's messages alone."""
    reach = _reach(scene, one, other)
    left, right = _times(first), _times(second)
    meets = [at for at in left if _any_near(at, right, reach)]
    if not meets:
        return set()
    until = sorted(set(meets))[: scene.meetings][-1] + reach
    return {_name(fate) for fate in first if fate.at and fate.at <= until and _any_near(fate.at, right, reach)} | {
        _name(fate) for fate in second if fate.at and fate.at <= until and _any_near(fate.at, left, reach)
    }


def _name(fate: Fate) -> tuple[str, str]:
    return fate.message.campaign, fate.message.occurrence.key


def _times(fates: Sequence[Fate]) -> list[datetime]:
    return sorted(fate.at for fate in fates if fate.at)


def _any_near(at: datetime, times: Sequence[datetime], reach: timedelta) -> bool:
    index = bisect_left(times, at - reach)
    return index < len(times) and times[index] <= at + reach


def _reach(scene: Scene, one: Campaign, other: Campaign) -> timedelta:
    """The longest distance over which one campaign's contact may hold the other's back."""
    overlap = scene.config.rules.overlap
    reach = max([overlap.gap, *(length(cap.per) for cap in overlap.caps if _covers(cap, one) and _covers(cap, other))])
    return max(reach, overlap.same_topic) if one.topic is not None and one.topic == other.topic else reach


def _covers(cap: Cap, campaign: Campaign) -> bool:
    return cap.category in (None, campaign.category) and (cap.channel is None or cap.channel in campaign.channels.names)


def length(per: Period) -> timedelta:
    """At most."""
    return _CALENDAR[per] if isinstance(per, Calendar) else per
