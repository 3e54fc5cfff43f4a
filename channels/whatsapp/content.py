"""What fills a WhatsApp template that Meta has approved."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.base import Content
from channels.fields import Https, Text

BODY_LIMIT, BUTTONS, URL_BUTTONS = 1024, 10, 2


class WhatsAppButton(BaseModel):
    """One button of the template, in its order.

    value: the end of a url, or the payload a quick reply sends back; None for a button that needs nothing and only keeps its place
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    kind: Literal["url", "quick_reply"]
    value: Text | None = None


class WhatsAppContent(Content):
    """`parameters` fill the numbered places of the approved body. `text` is that body with our own expressions in them, for previews."""

    tells: ClassVar[frozenset[str]] = frozenset({"delivered", "read", "clicked"})

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = "id"
    header_image: Https | None = None
    parameters: tuple[Text, ...] = ()
    buttons: Annotated[tuple[WhatsAppButton, ...], Field(max_length=BUTTONS)] = ()
    text: Text

    @model_validator(mode="after")
    def _few_urls(self) -> Self:
        if sum(button.kind == "url" for button in self.buttons) > URL_BUTTONS:
            raise ValueError(f"a template has at most {URL_BUTTONS} url buttons")
        return self

    def summary(self) -> str:
        return " ".join(self.text.split())

    def in_brief(self) -> tuple[str, str]:
        title, _, rest = self.text.strip().partition("\n")
        return title, rest
