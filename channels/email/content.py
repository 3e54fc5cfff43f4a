"""What a mail says: Markdown as written, and as prepared once a variant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import model_validator

from channels.base import Content
from channels.email.layout import page
from channels.email.links import in_html, in_text
from channels.email.markdown import to_html, to_text
from channels.fields import Https, Text


class PreparedEmail(Content):
    """`html` is a whole document. Both bodies still hold the placeholders of the Markdown.

    links:     where the marks in both bodies lead
    image:     is in `html` already; here only so that it is judged once more after rendering
    preheader: is in `html` already; here for digests
    """

    html_fields: ClassVar[frozenset[str]] = frozenset({"html"})

    subject: Text
    html: Text
    text: Text
    image: Https | None = None
    preheader: str | None = None
    links: tuple[str, ...] = ()

    def destinations(self) -> Sequence[str]:
        return self.links

    def linked(self, links: Sequence[str]) -> Self:
        return self.model_copy(update={"html": in_html(self.html, links), "text": in_text(self.text, links), "links": ()})

    def summary(self) -> str:
        return self.subject

    def in_brief(self) -> tuple[str, str]:
        return self.subject, self.preheader or self.text


class EmailContent(Content):
    """`body` is Markdown; `preheader` is the line inboxes show behind the subject."""

    # A server that takes a mail says nothing of the person; a link that is followed does.
    tells: ClassVar[frozenset[str]] = frozenset({"clicked"})

    subject: Text
    body: Text
    preheader: str | None = None
    image: Https | None = None
    image_alt: str | None = None

    @model_validator(mode="after")
    def _image_is_described(self) -> Self:
        if self.image and not self.image_alt:
            raise ValueError("an image needs image_alt: many people read mail with images off")
        return self

    def prepared(self) -> PreparedEmail:
        document = page(self.subject, to_html(self.body), self.preheader, self.image, self.image_alt)
        text, links = to_text(self.body)
        return PreparedEmail(subject=self.subject, html=document, text=text, image=self.image, preheader=self.preheader, links=tuple(links))

    def summary(self) -> str:
        return self.subject
