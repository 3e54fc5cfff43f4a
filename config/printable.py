"""Text of customers and providers for a terminal: no character of it moves the cursor, changes a colour or turns a line around."""

from __future__ import annotations

import re

# C0 and C1 controls (an escape sequence begins with one), lone surrogates, and the marks that turn the order of a line around.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_INSTEAD = "\ufffd"


def printable(text: str) -> str:
    """The same text with every such character shown as a sign of its own; line feeds and tabs stay."""
    return text if text.isascii() and text.isprintable() else _CONTROL.sub(_INSTEAD, text)
