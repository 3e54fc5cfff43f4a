"""When campaigns fall due, looked up some hours at a time and kept: a virtual clock asks at every step."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from jobs.catalog import Published
from scheduler.occurrences import MOST, occurrences

SHORTEST = timedelta(hours=8)  # a campaign every minute stays below what occurrences() looks at in one go
LONGEST = timedelta(days=32)


class Agenda:
    """The occurrences of one published version; of the next one, as soon as it is asked about that."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._stretch = SHORTEST
        self._since = self._until = datetime.min.replace(tzinfo=UTC)
        self._times: list[datetime] = []

    def next(self, published: Published, after: datetime, before: datetime) -> datetime | None:
        """The first occurrence of any campaign in (after, before], None when there is none. All aware."""
        if published.id != self._version or after < self._since:
            self._version, self._since, self._until, self._times = published.id, after, after, []
        while True:
            index = bisect_right(self._times, after)
            if index < len(self._times):
                return self._times[index] if self._times[index] <= before else None
            if self._until >= before:
                return None
            self._extend(published)

    def _extend(self, published: Published) -> None:
        config, calendar = published.config, published.calendar
        timed = [campaign for campaign in config.campaigns.values() if campaign.when.event is None]
        while True:
            until = self._until + self._stretch
            found = [list(occurrences(config, campaign, calendar, self._until, until)) for campaign in timed]
            if self._stretch <= SHORTEST or all(len(each) < MOST for each in found):
                break
            self._stretch = SHORTEST  # the oldest of so many are not told
        self._times += sorted({each.at for several in found for each in several})
        self._until, self._stretch = until, min(2 * self._stretch, LONGEST)
