"""The pieces of what fills a WhatsApp template."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.fields import Text


class WhatsAppParameter(BaseModel):
    """A value of a template whose places have names."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    text: Text


class WhatsAppButton(BaseModel):
    """One button of the template, in its order.

    value: the end of a url, or the payload a quick reply sends back; None for a button that needs nothing and only keeps its place
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    kind: Literal["url", "quick_reply", "phone_number"]
    value: Text | None = None

    @model_validator(mode="after")
    def _nothing_to_fill(self) -> Self:
        if self.kind == "phone_number" and self.value is not None:
            raise ValueError("a phone number button has no value; it only keeps its place")
        return self
