"""The place of a key in a configuration that has been read, for what is found out about it later."""

from __future__ import annotations

from config.catalog import Config
from config.problems import Problem
from config.source import Path, Source, read


class Pointer:
    """Reads the files of a configuration again, each once, for their positions."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sources: dict[str, Source] = {}

    def campaign(self, name: str, path: Path, message: str, *, key: bool = False) -> Problem:
        """At a path of a campaign's file."""
        return self._in(self._config.where("campaign", name).rpartition(":")[0]).problem(path, message, key=key)

    def written(self, name: str, *keys: str) -> str:
        """The first of some keys that a campaign's file has; the last one when it has none."""
        source = self._in(self._config.where("campaign", name).rpartition(":")[0])
        return next((key for key in keys if (key,) in source.values), keys[-1])

    def _in(self, shown: str) -> Source:
        if shown not in self._sources:
            path = max((one for one in self._config.files if shown.endswith(f"/{one}")), key=len)
            found = read(shown, self._config.files[path], [])
            if found is None:  # it was read before, or there would be no Config
                raise LookupError(shown)
            self._sources[shown] = found
        return self._sources[shown]
