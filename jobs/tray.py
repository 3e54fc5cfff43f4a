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

    def of(self, messages: Collection[int]) -> dict[int, str]:
        """{message id: content} of these, as far as there are any."""
        return {message: self._items[message] for message in messages if message in self._items}

    def clear(self, messages: Collection[int]) -> None:
        """These are published, or never will be."""
        for message in messages:
            self._items.pop(message, None)
