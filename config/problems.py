"""A mistake in what operations wrote: where it stands, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. `line` and `col` count from 1; 0 means the place has none (an environment variable).

    warning: nothing is wrong with the file, but somebody will be disappointed by what it does
    """

    file: str
    line: int
    col: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.col}" if self.line else self.file
        return f"{where}: {'warning: ' if self.warning else ''}{self.message}"

    def as_warning(self) -> Problem:
        return replace(self, warning=True)


class ConfigError(Exception):
    """Everything found wrong in one reading, never the first mistake alone."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def suggest(value: str, known: Iterable[str]) -> str:
    """The way out of a misspelling: `; did you mean "x"?`, or what there is to choose from."""
    names = sorted(known)
    return nearest(value, names) or (f"; known: {', '.join(names)}" if names else "")


def nearest(value: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing when nothing is near."""
    close = get_close_matches(value, sorted(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
