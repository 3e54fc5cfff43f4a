"""What a push notification says."""

from __future__ import annotations

from typing import ClassVar

from channels.base import Content
from channels.fields import Https, Link, Text


class PushContent(Content):
    """`link` is opened by the app at a tap; `image` is at most 1 MB on Android."""

    tells: ClassVar[frozenset[str]] = frozenset({"delivered", "read", "clicked"})

    title: Text
    body: Text
    image: Https | None = None
    link: Link | None = None

    def summary(self) -> str:
        return f"{self.title}: {self.body}"

    def in_brief(self) -> tuple[str, str]:
        return self.title, self.body
