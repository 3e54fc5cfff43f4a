"""Hot reload: a changed configuration is published whole or not at all; a bad one leaves the last good one in force."""

from __future__ import annotations

from pathlib import Path

import structlog

from config.problems import ConfigError
from jobs.catalog import Published
from jobs.house import House
from jobs.retention import remembers
from scheduler.bootstrap import publish, read_config
from store import ticks

log = structlog.get_logger()

FAULT = "config_fault"
SCHEDULER = "scheduler"  # who puts a directory in force; who wrote to it is for the directory's own history to say
SHOWN = 20

Signature = frozenset[tuple[str, int, int]]


def signature(directory: Path) -> Signature:
    """Changes whenever a file of the configuration may have."""
    found = set()
    for path in directory.rglob("*.y*ml"):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.add((str(path), stat.st_mtime_ns, stat.st_size))
    return frozenset(found)


class Watch:
    """Looks at the config directory; `look` is cheap when nothing changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: Signature | None = None

    async def look(self, house: House) -> bool:
        """True when a new version was published."""
        found = signature(self._directory)
        if found == self._seen:
            return False
        self._seen = found
        try:
            config = read_config(self._directory, house.channels)
            remembers(house.settings.retention, Published(0, config, house.channels))
        except ConfigError as error:
            await self._reject(house, error)
            return False
        await self._accept(house)
        async with house.database.begin() as connection:
            current = await house.catalog.newest(connection)
        if current is not None and current.config.hash == config.hash:
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
