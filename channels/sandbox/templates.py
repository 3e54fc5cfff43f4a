"""WhatsApp templates as Meta would have approved them, so that the sandbox can show and check the whole text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Button(BaseModel):
    """`url` may end in {{1}}."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Annotated[str, Field(max_length=25)]
    kind: Literal["url", "quick_reply"] = "quick_reply"
    url: Annotated[str, Field(max_length=2000)] = ""


class Template(BaseModel):
    """One language of one template; placeholders are {{1}} or {{name}}. header: None = nobody said, anything is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    language: str = "id"
    category: Literal["marketing", "utility", "authentication"] = "marketing"
    status: str = "APPROVED"
    header: Literal["none", "text", "image"] | None = None
    body: Annotated[str, Field(max_length=1024)]
    footer: Annotated[str, Field(max_length=60)] = ""
    buttons: Annotated[tuple[Button, ...], Field(max_length=10)] = ()

    def placeholders(self) -> tuple[str, ...]:
        """In the order they first appear."""
        return tuple(dict.fromkeys(_PLACEHOLDER.findall(self.body)))

    def text(self, values: Mapping[str, str]) -> str:
        return fill(self.body, values)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in; a placeholder without one stays to be seen."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


class Templates(dict[str, dict[str, Template]]):
    """By name, then language. One nobody registered is taken as it comes."""

    def put(self, template: Template) -> None:
        self.setdefault(template.name, {})[template.language] = template

    def say(self, name: str, language: str, status: str) -> None:
        """Meta's word on one that is registered. Raises KeyError."""
        self.put(self[name][language].model_copy(update={"status": status}))

    def marketing(self, name: str, language: str) -> bool:
        """Whether it is an offer; one nobody registered is."""
        found = self.get(name, {}).get(language)
        return found is None or found.category == "marketing"
