"""The configuration's WhatsApp templates as Meta would have approved them, so that the sandbox shows whole messages."""

from __future__ import annotations

from collections.abc import Iterator

from channels.sandbox.templates import Button, Template
from channels.whatsapp.content import WhatsAppContent
from channels.whatsapp.shapes import Shape, Shapes
from config.loader import Config


def approved_templates(config: Config) -> Iterator[Template]:
    """Those that are declared; for words without a declaration, their own text with its places numbered."""
    declared = config.companions.get("whatsapp-templates")
    shapes = declared if isinstance(declared, Shapes) else Shapes()
    yield from map(_declared, shapes.templates)
    for template in config.templates.values():
        for variant in template.variants:
            content = variant.channels.get("whatsapp")
            if isinstance(content, WhatsAppContent) and content.place(shapes) is None:
                yield _guessed(content)


def _declared(shape: Shape) -> Template:
    buttons = tuple(
        Button(label=button.label, kind="url" if button.kind == "url" else "quick_reply", url=button.url) for button in shape.buttons
    )
    header = shape.header if shape.header in ("none", "text", "image") else None
    return Template(
        name=shape.name,
        language=shape.language,
        category=shape.category,
        header=header,
        body=shape.body,
        footer=shape.footer,
        buttons=buttons,
    )


def _guessed(content: WhatsAppContent) -> Template:
    body = content.text
    for place, value in content.values.items():
        body = body.replace(value, f"{{{{{place}}}}}", 1)
    buttons = tuple(
        Button(label="Buka" if each.kind == "url" else (each.value or "OK")[:25], kind="url" if each.kind == "url" else "quick_reply")
        for each in content.buttons
    )
    return Template(name=content.name, language=content.language, body=body, buttons=buttons)
