"""A file beside the campaigns in which operations keep what a provider has approved, so that what they say can be held against it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel

from config.source import Path
from config.strict import Strict


@dataclass(frozen=True, slots=True)
class Fault:
    """One point in which words and declaration do not agree.

    path:    of the value, below the channel's part of a variant
    offset:  characters into a text
    warning: it can be sent, and may fail for some people
    """

    path: Path
    message: str
    offset: int = 0
    warning: bool = False


class Companion(Strict):
    """What `<channel>-templates.yaml` holds."""


class Declared(BaseModel):
    """What is said on a channel whose provider approves it beforehand. `companion` is the model of the file that says what."""

    companion: ClassVar[type[Companion]]

    @abstractmethod
    def faults(self, companion: Companion) -> Iterator[Fault]:
        """What of these words the provider would not take."""

    @abstractmethod
    def place(self, companion: Companion) -> int | None:
        """Which of the declarations, in the order of the file, these words fill; None for none."""


def companions(contents: Mapping[str, type[BaseModel]]) -> dict[str, type[Companion]]:
    """Name of the file without `.yaml` → its model, for the channels that have one."""
    return {f"{channel}-templates": model.companion for channel, model in contents.items() if issubclass(model, Declared)}
