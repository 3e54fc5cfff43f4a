"""What a pop-up shows inside the app."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.base import Content
from channels.fields import Https, Link, Text


class PopupButton(BaseModel):
    """`id` comes back with the click event."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    label: Text
    link: Link | None = None


class PopupContent(Content):
    """`trigger` is a moment in the app; `min_interval_s` lies between two impressions of this one."""

    tells: ClassVar[frozenset[str]] = frozenset({"delivered", "read", "clicked"})

    title: Text
    body: Text
    image: Https | None = None
    layout: Literal["modal", "banner", "fullscreen"] = "modal"
    buttons: Annotated[tuple[PopupButton, ...], Field(max_length=3)] = ()
    trigger: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] = "app_open"
    max_impressions: Annotated[int, Field(ge=1, le=100)] = 1
    min_interval_s: Annotated[int, Field(ge=0, le=86400)] = 30

    @model_validator(mode="after")
    def _buttons_differ(self) -> Self:
        ids = [button.id for button in self.buttons]
        if len(set(ids)) != len(ids):
            raise ValueError("two buttons have the same id")
        return self

    def summary(self) -> str:
        return f"{self.title}: {self.body}"

    def in_brief(self) -> tuple[str, str]:
        return self.title, self.body
