"""What a push notification says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from channels.base import Content
from channels.fields import Https, Link, Text

PAYLOAD_LIMIT = 4096  # bytes, of everything one device gets
FRAME = 500  # bytes of a message that says nothing, at least
OURS = frozenset({"key", "campaign", "link"})  # put into the data of every push by Kabar itself
_RESERVED = re.compile(r"from|message_type|google\..*|gcm\.notification\..*|notification")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_FILLED_IN = re.compile(r"\{\{.{0,2000}?\}\}", re.DOTALL)


def _key(name: str) -> str:
    if name in OURS:
        raise ValueError(f'"{name}" is a key that Kabar fills itself; take another name')
    if _RESERVED.fullmatch(name):
        raise ValueError(
            f'"{name}" is a key that FCM keeps for itself (from, message_type, google.…, gcm.notification.…); take another name'
        )
    if not _NAME.fullmatch(name):
        raise ValueError(f'"{name}" is not a key; write letters, digits and _, beginning with a letter')
    return name


def _pairs(value: object) -> object:
    return tuple(value.items()) if isinstance(value, Mapping) else value


Data = Annotated[tuple[tuple[Annotated[str, AfterValidator(_key)], str], ...], BeforeValidator(_pairs), Field(max_length=20)]


class PushContent(Content):
    """`link` is opened by the app at a tap; `image` is at most 1 MB on Android; `data` is a mapping for the app, values are texts."""

    tells: ClassVar[frozenset[str]] = frozenset({"delivered", "read", "clicked"})

    title: Text
    body: Text
    image: Https | None = None
    link: Link | None = None
    data: Data = ()

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        """What is written must leave room for what is filled in; once that is done, the adapter shortens the body instead."""
        if (info.context or {}).get("rendered"):
            return self
        written = FRAME + sum(len(_FILLED_IN.sub("", text).encode()) for text in self._texts() if "{%" not in text)
        if written > PAYLOAD_LIMIT:
            raise ValueError(
                f"a push of {written:,} bytes before any name is filled in; {PAYLOAD_LIMIT:,} fit. "
                f"Take {written - PAYLOAD_LIMIT:,} bytes away, or say the rest behind `link`"
            )
        return self

    def _texts(self) -> Iterator[str]:
        yield from filter(None, (self.title, self.body, self.image, self.link))
        for pair in self.data:
            yield from pair

    def summary(self) -> str:
        return f"{self.title}: {self.body}"

    def in_brief(self) -> tuple[str, str]:
        return self.title, self.body
