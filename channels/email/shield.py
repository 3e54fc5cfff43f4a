"""Keeps Jinja expressions out of the way while the text around them is converted."""

from __future__ import annotations

import html
import re

# Bounded, so that no text takes quadratic time.
_JINJA = re.compile(r"(\{\{.{0,2000}?\}\})|(\{%.{0,2000}?%\})|\{#.{0,2000}?#\}", re.DOTALL)
# Plain letters and digits: neither Markdown nor URL escaping changes them.
_TOKEN = re.compile(r"jx[es](\d+)xj")
# A repetition in a repetition can be cut in 2^n ways, and all are tried where the end does not fit.
_OWN_LINE = re.compile(r"^[ \t]*((?:jxs\d+xj[ \t]*)+)$", re.MULTILINE)
_OWN_PARAGRAPH = re.compile(r"<p[^<>]*>\s*((?:jxs\d+xj\s*)+)</p>")


class Shield:
    """`hide` puts tokens for expressions, `show` puts the expressions back. One shield serves one text."""

    def __init__(self) -> None:
        self._hidden: list[str] = []

    def hide(self, text: str) -> str:
        return _JINJA.sub(self._token, _TOKEN.sub("", text))

    def show(self, text: str) -> str:
        return _TOKEN.sub(lambda found: self._hidden[int(found[1])], text)

    def _token(self, found: re.Match[str]) -> str:
        if not found[1] and not found[2]:
            return ""
        self._hidden.append(found[0])
        return f"jx{'e' if found[1] else 's'}{len(self._hidden) - 1}xj"


def stand_alone(hidden: str) -> str:
    """Statements on a line of their own become paragraphs of their own, so that lists around them end where they should."""
    return _OWN_LINE.sub(r"\n\1\n", hidden)


def unwrap(hidden_html: str) -> str:
    """Takes the paragraph away again from around statements, which show nothing."""
    return _OWN_PARAGRAPH.sub(r"\1", hidden_html)


def escape(template: str) -> str:
    """HTML-escapes what stands around expressions; the expressions are escaped when they are rendered."""
    shield = Shield()
    return shield.show(html.escape(shield.hide(template)))
