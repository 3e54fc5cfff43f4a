"""whatsapp-templates.yaml: the message templates as Meta has approved them, written by hand or pasted from Meta's own list.

https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from channels.whatsapp.limits import BODY_LIMIT, BUTTONS, FOOTER_LIMIT, HEADER_LIMIT, LABEL_LIMIT, URL_BUTTONS, URL_LIMIT
from channels.whatsapp.pasted import button_of, list_of, shape_of
from config.companions import Companion
from config.strict import Strict

_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def places(text: str) -> tuple[str, ...]:
    """What a text leaves open, in the order of first appearance: `1`, or a name."""
    return tuple(dict.fromkeys(_PLACE.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with values in it; a place without one stays to be seen."""
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text)


class ShapeButton(Strict):
    """One button under the message. url: may end in {{1}}, which the campaign fills."""

    kind: Literal["url", "quick_reply", "phone_number", "copy_code", "flow", "catalog", "mpm", "spm", "otp", "voice_call"]
    label: Annotated[str, Field(max_length=LABEL_LIMIT)] = ""
    url: Annotated[str, Field(max_length=URL_LIMIT)] = ""

    @model_validator(mode="before")
    @classmethod
    def _of_meta(cls, given: Any) -> Any:
        return button_of(given)


class Shape(Strict):
    """One language of one template. status: what Meta last said of it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = "id"
    category: Literal["marketing", "utility", "authentication"] = "marketing"
    status: str = "approved"
    header: Literal["none", "text", "image", "video", "document", "location"] = "none"
    header_text: Annotated[str, Field(max_length=HEADER_LIMIT)] = ""
    body: Annotated[str, Field(min_length=1, max_length=BODY_LIMIT)]
    footer: Annotated[str, Field(max_length=FOOTER_LIMIT)] = ""
    buttons: Annotated[tuple[ShapeButton, ...], Field(max_length=BUTTONS)] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_meta(cls, given: Any) -> Any:
        return shape_of(given)

    @field_validator("body")
    @classmethod
    def _numbered_or_named(cls, body: str) -> str:
        found = places(body)
        numbers = sorted(int(place) for place in found if place.isdigit())
        if numbers and numbers != list(range(1, len(found) + 1)):
            raise ValueError(f"the body has the places {', '.join(found)}; number them from 1 without a gap, or name them all")
        return body

    @model_validator(mode="after")
    def _few_urls(self) -> Self:
        if sum(button.kind == "url" for button in self.buttons) > URL_BUTTONS:
            raise ValueError(f"a template has at most {URL_BUTTONS} url buttons")
        return self

    @property
    def title(self) -> str:
        return f'"{self.name}" ({self.language})'


class Shapes(Companion):
    """Every template of the account, each language by itself."""

    templates: tuple[Shape, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_meta(cls, given: Any) -> Any:
        return list_of(given)

    @model_validator(mode="after")
    def _once(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for shape in self.templates:
            if (shape.name, shape.language) in seen:
                raise ValueError(f"{shape.title} is declared twice; keep one")
            seen.add((shape.name, shape.language))
        return self

    def find(self, name: str, language: str) -> int | None:
        """The place of one in the file."""
        return next((index for index, shape in enumerate(self.templates) if (shape.name, shape.language) == (name, language)), None)

    def languages(self, name: str) -> list[str]:
        return sorted(shape.language for shape in self.templates if shape.name == name)
