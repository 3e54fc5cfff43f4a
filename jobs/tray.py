"""Rendered pop-ups between the adapter that puts them and the transaction that settles their messages."""

from __future__ import annotations

import json
from collections.abc import Collection

from channels.base import PopupItem


class Tray:
    """Held in memory only: a pop-up that is not settled is not available, and its lease runs out."""

    def __init__(self) -> None:
        self._items: dict[int, str] = {}

    async def put(self, item: PopupItem) -> None:
        self._items[item.message_id] = json.dumps(item.content, ensure_ascii=False)

    def take(self, settled: Collection[int], claimed: Collection[int]) -> dict[int, str]:
        """{message id: content} of the settled ones; the rest of what was claimed with them is thrown away."""
        taken = {message: self._items.pop(message) for message in claimed if message in self._items}
        return {message: content for message, content in taken.items() if message in settled}
