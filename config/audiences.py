"""Whom an audience may hold, as conditions: can one person be in several of them, and in which segment first?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from config.conditions import Column, Compare, Condition, Literal
from config.models import Audience
from config.reach import Person, find_person

Segments = Mapping[str, Condition]


@dataclass(frozen=True, slots=True)
class Way:
    """What must hold and what must not for somebody to be meant."""

    needed: tuple[Condition, ...] = ()
    refused: tuple[Condition, ...] = ()

    def __and__(self, other: Way) -> Way:
        return Way(self.needed + other.needed, self.refused + other.refused)


def ways(audience: Audience, segments: Segments) -> list[Way]:
    """Each way into an audience: one for every segment of `any`. Raises KeyError for a segment nobody defined."""
    always = tuple(segments[name] for name in audience.all)
    never = tuple(segments[name] for name in audience.none)
    return [Way((*always, segments[name]), never) for name in audience.any] or [Way(always, never)]


def first_in(names: Iterable[str], segments: Segments) -> dict[str | None, Way]:
    """Segment → how somebody is in it and in none before it; None → in none of them."""
    found: dict[str | None, Way] = {}
    before: tuple[Condition, ...] = ()
    for name in names:
        found[name] = Way((segments[name],), before)
        before = (*before, segments[name])
    return {**found, None: Way((), before)}


def speaks(locale: str) -> Way:
    """Somebody of this language."""
    return Way((Compare(Column("locale"), "=", Literal(locale)),))


def possible(some: Iterable[Way], *also: Way) -> bool:
    """Can there be somebody of one of `some` who is meant by all of the others, too? True where the search was too long."""
    together = Way()
    for each in also:
        together &= each
    return any(_possible(each & together) for each in some)


def both(one: Iterable[Way], other: Iterable[Way]) -> list[Way]:
    """The ways into two audiences at once."""
    second = list(other)
    return [left & right for left in one for right in second]


def _possible(way: Way) -> bool:
    found, complete = search(way)
    return found is not None or not complete


@lru_cache(maxsize=4096)
def search(way: Way) -> tuple[Person | None, bool]:
    """Somebody who is meant, and whether everybody was tried."""
    return find_person(way.needed, way.refused)
