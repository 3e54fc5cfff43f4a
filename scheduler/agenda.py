"""When campaigns fall due, looked up some hours at a time and kept: a virtual clock asks at every step."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from jobs.catalog import Published
from scheduler.occurrences import occurrences

STRETCH = timedelta(hours=8)  # a campaign every minute stays below what occurrences() looks at in one go


class Agenda:
    """The occurrences of one published version; of the next one, as soon as it is asked about that."""

    def __init__(self) -> None:
        self._version: int | None = None
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
        since, self._until = self._until, self._until + STRETCH
        config, calendar = published.config, published.calendar
        timed = (campaign for campaign in config.campaigns.values() if campaign.when.event is None)
        self._times += sorted({each.at for campaign in timed for each in occurrences(config, campaign, calendar, since, self._until)})
