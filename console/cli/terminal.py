"""The one way the command line prints to people: whatever stands in the data, the terminal only shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.segment import Segment

from config.printable import printable


class _Harmless:
    """What another thing shows, without control characters in its text; rich's own colours are not text."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style, control in console.render(self._inner, options):
            yield Segment(text if control else printable(text), style, control)


class _Hook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Harmless(each) for each in renderables]


def terminal(**settings: Any) -> Console:
    """A console for text that customers, providers and files brought; settings are those of rich."""
    console = Console(**settings)
    console.push_render_hook(_Hook())
    return console
