"""The example's WhatsApp templates as Meta would have approved them, so that the sandbox shows whole messages."""

from __future__ import annotations

from collections.abc import Iterator

from channels.sandbox.templates import Button, Template
from channels.whatsapp.content import WhatsAppContent
from config.loader import Config


def approved_templates(config: Config) -> Iterator[Template]:
    """One for each WhatsApp part of the configuration: our expressions in its text become the numbered places they fill."""
    for template in config.templates.values():
        for variant in template.variants:
            content = variant.channels.get("whatsapp")
            if isinstance(content, WhatsAppContent):
                yield _approved(content)


def _approved(content: WhatsAppContent) -> Template:
    body = content.text
    for number, parameter in enumerate(content.parameters, start=1):
        body = body.replace(parameter, f"{{{{{number}}}}}", 1)
    buttons = tuple(Button(label="Buka" if each.kind == "url" else (each.value or "OK")[:25], kind=each.kind) for each in content.buttons)
    return Template(name=content.name, language=content.language, body=body, buttons=buttons)
