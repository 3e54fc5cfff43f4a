"""What fills a WhatsApp template that Meta has approved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from channels.base import Content, expect
from channels.fields import Https, Text
from channels.whatsapp import agreement
from channels.whatsapp.limits import BUTTONS, URL_BUTTONS
from channels.whatsapp.parts import WhatsAppButton, WhatsAppParameter
from channels.whatsapp.shapes import Shapes
from config.companions import Companion, Declared, Fault


class WhatsAppContent(Content, Declared):
    """`parameters` fill the places of the approved body. `text` is that body with our own expressions in them, for previews."""

    companion: ClassVar[type[Companion]] = Shapes

    tells: ClassVar[frozenset[str]] = frozenset({"delivered", "read", "clicked"})

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = "id"
    header_image: Https | None = None
    parameters: tuple[Text | WhatsAppParameter, ...] = ()
    buttons: Annotated[tuple[WhatsAppButton, ...], Field(max_length=BUTTONS)] = ()
    text: Text

    @model_validator(mode="after")
    def _few_urls(self) -> Self:
        if sum(button.kind == "url" for button in self.buttons) > URL_BUTTONS:
            raise ValueError(f"a template has at most {URL_BUTTONS} url buttons")
        return self

    @property
    def values(self) -> dict[str, str]:
        """Place of the body → what fills it."""
        return {
            each.name if isinstance(each, WhatsAppParameter) else str(number): each.text if isinstance(each, WhatsAppParameter) else each
            for number, each in enumerate(self.parameters, start=1)
        }

    def summary(self) -> str:
        return " ".join(self.text.split())

    def in_brief(self) -> tuple[str, str]:
        title, _, rest = self.text.strip().partition("\n")
        return title, rest

    def registered_as(self) -> str:
        return f"{self.name}/{self.language}"

    def place(self, companion: Companion) -> int | None:
        return expect(Shapes, companion).find(self.name, self.language)

    def faults(self, companion: Companion) -> Iterator[Fault]:
        shapes, place = expect(Shapes, companion), self.place(companion)
        if place is None:
            yield agreement.unknown(self.name, self.language, shapes)
            return
        shape = shapes.templates[place]
        yield from agreement.of_status(shape)
        yield from agreement.of_header(shape, self.header_image)
        yield from agreement.of_parameters(shape, self.values)
        yield from agreement.of_preview(shape, self.values, self.text)
        yield from agreement.of_buttons(shape, self.buttons)
