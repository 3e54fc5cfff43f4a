"""Hot reload: a changed configuration is published whole or not at all; a bad one leaves the last good one in force."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from config.loader import Config, paths
from config.problems import ConfigError
from jobs.catalog import Published
from jobs.house import House
from jobs.retention import remembers
from scheduler.bootstrap import publish, read_config
from store import overview, ticks

log = structlog.get_logger()

FAULT = "config_fault"
SCHEDULER = "scheduler"  # who puts a directory in force; who wrote to it is for the directory's own history to say
SHOWN = 20

Signature = frozenset[tuple[str, int, int, int, int, int]]


def signature(directory: Path) -> Signature | None:
    """Changes whenever a file of the configuration may have; None while one goes as it is looked at.

    Of the file itself, not of a link to it; the inode is another after a rename, the time of change cannot be set by a copy.
    """
    try:
        found = [(path, (directory / path).stat()) for path in paths(directory)] if directory.is_dir() else []
    except OSError:
        return None
    return frozenset((path, seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns) for path, seen in found)


class Watch:
    """Looks at the config directory; `look` is cheap when nothing changed.

    Editors, copies and checkouts write one file after the other, and each in pieces. So a change is read when the directory looks the
    same twice, one look after the other, and still does once it was read.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: Signature | None = None
        self._done: Signature | None = None

    async def look(self, house: House) -> bool:
        """True when a new version was published."""
        found = await asyncio.to_thread(signature, self._directory)
        if found is None or found != self._seen:
            self._seen = found
            return False
        if found == self._done:
            return False
        try:
            config = await asyncio.to_thread(read_config, self._directory, house.channels)
            remembers(house.settings.retention, Published(0, config, house.channels))
        except ConfigError as error:
            if await self._moved_on(found):
                return False
            await self._reject(house, error)
            self._done = found
            return False
        if await self._moved_on(found):
            return False
        published = await self._publish(house, config)
        self._done = found  # not before: a database that was away is asked again
        return published

    async def _moved_on(self, found: Signature) -> bool:
        return await asyncio.to_thread(signature, self._directory) != found

    async def _publish(self, house: House, config: Config) -> bool:
        await self._accept(house)
        async with house.database.begin() as connection:
            current = await overview.version(connection)
        if current is not None and current.hash == config.hash:
            return False
        version = await publish(house, config, by=SCHEDULER)
        log.info("config.published", version=version, hash=config.hash[:12], campaigns=len(config.campaigns))
        return True

    async def _reject(self, house: House, error: ConfigError) -> None:
        problems = [str(problem) for problem in error.problems]
        log.error("config.rejected", problems=problems[:SHOWN], count=len(problems), kept="the last good one")
        async with house.database.begin() as connection:
            await ticks.set_fact(connection, FAULT, problems[:SHOWN], house.clock.now())

    async def _accept(self, house: House) -> None:
        async with house.database.begin() as connection:
            if await ticks.fact(connection, FAULT) is not None:
                await ticks.clear_fact(connection, FAULT)
                log.info("config.good_again")
