"""Published configurations, parsed once a process: the newest rules, and each version that runs were planned with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel
from config.catalog import files_hash
from config.conditions import mentions_today
from config.loader import Config, parse
from config.problems import ConfigError
from config.values import OpenHours
from rules.calendar import HolidayCalendar
from rules.facts import Policy
from rules.policy import policy
from store import versions

log = structlog.get_logger()

_KEPT = 32


@dataclass(frozen=True)
class Published:
    """One version in force or once in force."""

    id: int
    config: Config
    channels: Mapping[str, Channel]

    @cached_property
    def policy(self) -> Policy:
        return policy(
            self.config.rules,
            personal=frozenset(name for name, channel in self.channels.items() if channel.personal),
            needs_address=frozenset(name for name, channel in self.channels.items() if channel.addresses),
        )

    @cached_property
    def offers(self) -> tuple[str, ...]:
        """Categories that need marketing consent."""
        return tuple(name for name, category in self.config.rules.categories.items() if category.offer)

    def is_important(self, category: str) -> bool:
        """Whether its messages go before everything else."""
        return self.policy.category(category).priority >= self.config.accounts.important.priority

    @cached_property
    def digests(self) -> bool:
        """Whether any category merges its messages."""
        return any(category.digest for category in self.config.rules.categories.values())

    @cached_property
    def keys_follow_the_day(self) -> bool:
        """Whether a window key may be another tomorrow though nobody changes anything."""
        return any(mentions_today(self.config.segments[name]) for name in self.config.rules.segment_windows)

    @cached_property
    def rules_hash(self) -> str:
        """Of what decides on messages that wait already: rules and segments, as written."""
        return files_hash({path: text for path, text in self.config.files.items() if path.partition(".")[0] in ("rules", "segments")})

    @cached_property
    def calendar(self) -> HolidayCalendar:
        return HolidayCalendar(self.config.rules.holidays)

    @cached_property
    def _windows(self) -> dict[str, tuple[str, OpenHours | None, str]]:
        return {}

    def window(self, key: str) -> tuple[str, OpenHours | None, str]:
        """A window key, `win:NAME|seg:SEGMENT|none @ zone`, under these rules: (window name, hours or None, zone)."""
        if key not in self._windows:
            self._windows[key] = self._window(key)
        return self._windows[key]

    def _window(self, key: str) -> tuple[str, OpenHours | None, str]:
        symbol, _, zone = key.partition("@")
        kind, _, name = symbol.partition(":")
        if kind == "seg":
            name = self.config.rules.segment_windows.get(name, "")
        return name, self.config.rules.windows.get(name), zone


class Catalog:
    """Versions by id, from the database, kept as long as they are used."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels
        self._parsed: OrderedDict[int, Published] = OrderedDict()
        self._unreadable: set[int] = set()

    async def newest(self, connection: AsyncConnection) -> Published | None:
        """What is in force; None before anything was published."""
        found = await versions.newest(connection)
        return None if found is None else await self.version(connection, found)

    async def version(self, connection: AsyncConnection, version_id: int) -> Published:
        if version_id not in self._parsed:
            files = await versions.files(connection, version_id)
            contents = {name: channel.content for name, channel in self._channels.items()}
            self._parsed[version_id] = Published(version_id, parse(files, contents), self._channels)
            while len(self._parsed) > _KEPT:
                self._parsed.popitem(last=False)
        self._parsed.move_to_end(version_id)
        return self._parsed[version_id]

    async def readable(self, connection: AsyncConnection, ids: Iterable[int]) -> dict[int, Published]:
        """Without those that this edition of Kabar cannot read any more: what was planned with them cannot be said, all else can."""
        found = {}
        for version_id in {*ids} - self._unreadable:
            try:
                found[version_id] = await self.version(connection, version_id)
            except ConfigError as error:
                self._unreadable.add(version_id)
                log.error("version.unreadable", version=version_id, problems=[str(problem) for problem in error.problems[:3]])
        return found
