"""A configuration while it is being read: the parts that are good so far, and the names of those that are not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from config.accounts import Accounts
from config.companions import Companion
from config.conditions import Condition
from config.models import Campaign, Events, Rules
from config.problems import Problem, suggest
from config.source import Path, Source
from config.strict import SLUG
from config.templates import Template

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A value and the file it was read from."""

    source: Source
    value: T


_NAME = re.compile(SLUG)
_HOME = {
    "window": "rules",
    "category": "rules",
    "segment": "segments",
    "business event": "events",
    "customer event": "events",
    "template": "templates",
    "campaign": "schedules",
}


@dataclass
class Draft:
    """channels: their names, with the receipts there are of each. names: what files declare, good or bad, by kind.

    broken:   kinds of files that cannot be read at all
    warnings: what is no mistake and will disappoint all the same
    companions: by file name without `.yaml`; declarable: those there may be
    """

    channels: Mapping[str, frozenset[str]]
    problems: list[Problem]
    warnings: list[Problem] = field(default_factory=list)
    rules: Part[Rules] | None = None
    events: Part[Events] | None = None
    accounts: Part[Accounts] | None = None
    segments: dict[str, Part[Condition]] = field(default_factory=dict)
    campaigns: dict[str, Part[Campaign]] = field(default_factory=dict)
    templates: dict[str, Part[Template]] = field(default_factory=dict)
    companions: dict[str, Part[Companion]] = field(default_factory=dict)
    declarable: frozenset[str] = frozenset()
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    @property
    def conditions(self) -> dict[str, Condition]:
        """Of the segments that are good so far."""
        return {name: part.value for name, part in self.segments.items()}

    def part(self, source: Source, value: T | None, kind: str) -> Part[T] | None:
        if value is None:
            self.broken.add(kind)
            return None
        return Part(source, value)

    def declare(self, kind: str, source: Source, path: Path) -> None:
        """Note the keys at a path as names of a kind."""
        found = source.get(path)
        for name in found if isinstance(found, dict) else ():
            if not _NAME.fullmatch(name):
                message = f'"{name}" is not a name; use small letters, digits, dots and dashes'
                self.problems.append(source.problem((*path, name), message, key=True))
            self.names.setdefault(kind, {})[name] = f"{source.file}:{source.mark((*path, name), key=True).line}"

    def new(self, kind: str, source: Source) -> bool:
        """Note the name a file gives itself; False, and a problem, when another file has it already."""
        name = source.get((kind,))
        if not isinstance(name, str):
            return True
        names = self.names.setdefault(kind, {})
        if name in names:
            self.problems.append(source.problem((kind,), f'{kind} "{name}" is already defined in {names[name]}; rename one'))
            return False
        names[name] = f"{source.file}:{source.mark((kind,)).line}"
        return True

    def known(self, kind: str, name: str, source: Source, path: Path, *, key: bool = False) -> bool:
        """Is there one of this name? If not, a problem at `path`, unless the file that would define it cannot be read."""
        names = self.channels.keys() if kind == "channel" else self.names.get(kind, {}).keys()
        if name in names:
            return True
        if _HOME.get(kind) not in self.broken or names:
            self.problems.append(source.problem(path, f'{kind} "{name}" is not defined{suggest(name, names)}', key=key))
        return False
