"""What one promise is to the loop that tries them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was measured, in the order it is shown, and everything that should not have been; no breach = the promise was kept."""

    figures: Mapping[str, int | float | str]
    breaches: Sequence[str]


@dataclass(frozen=True, slots=True)
class Promise:
    """name: a word for --only. text: one sentence. keep: tries it; the seed decides every chance in it, and gives the same ones again."""

    name: str
    text: str
    keep: Callable[[int], Verdict]
