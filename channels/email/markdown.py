"""Markdown with Jinja in it, to HTML with inlined styles (mail clients drop style sheets) and to plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from channels.email.links import Links
from channels.email.shield import Shield, stand_alone, unwrap

STYLES = {
    "p": "margin:0 0 16px;line-height:1.5",
    "h1": "margin:0 0 16px;font-size:24px;line-height:1.3",
    "h2": "margin:24px 0 12px;font-size:20px;line-height:1.3",
    "h3": "margin:24px 0 12px;font-size:17px;line-height:1.3",
    "ul": "margin:0 0 16px;padding-left:24px",
    "ol": "margin:0 0 16px;padding-left:24px",
    "li": "margin:0 0 6px;line-height:1.5",
    "a": "color:#0b5fb0;text-decoration:underline",
    "img": "display:block;max-width:100%;height:auto;border:0",
    "blockquote": "margin:0 0 16px;padding-left:16px;border-left:4px solid #d0d7de;color:#57606a",
    "hr": "border:0;border-top:1px solid #d0d7de;margin:24px 0",
    "table": "border-collapse:collapse;margin:0 0 16px",
    "th": "border:1px solid #d0d7de;padding:6px 12px;text-align:left",
    "td": "border:1px solid #d0d7de;padding:6px 12px",
}
BUTTON = "display:inline-block;padding:12px 24px;border-radius:6px;background:#0b5fb0;color:#ffffff;font-weight:bold;text-decoration:none"
# Raw HTML is off: what operations type is text, and no message can break its own layout.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_BLANKS = re.compile(r"\n{3,}")


def to_html(markdown: str) -> str:
    """With marks where counted links are; see links.py."""
    shield = Shield()
    links = Links(shield)
    tokens = _MARKDOWN.parse(stand_alone(shield.hide(markdown)))
    for link in filter(None, map(_alone, tokens, tokens[1:])):
        link.attrs |= {"class": "button", "style": BUTTON}
    for token in _all(tokens):
        if token.tag in STYLES and token.nesting >= 0 and "style" not in token.attrs:
            token.attrs["style"] = STYLES[token.tag]
        if token.type == "link_open":
            token.attrSet("href", links.mark(str(token.attrGet("href") or "")))
    return shield.show(unwrap(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})))


def to_text(markdown: str) -> tuple[str, list[str]]:
    """(plain text with the same marks, the targets they stand for)."""
    shield = Shield()
    writer = _Writer(Links(shield))
    for token in _MARKDOWN.parse(stand_alone(shield.hide(markdown))):
        writer.take(token)
    return shield.show(_BLANKS.sub("\n\n", "\n".join(writer.lines)).strip()), writer.links.found


def _alone(opening: Token, inline: Token) -> Token | None:
    """The link that is all there is of a paragraph of the letter itself: what its reader is to do."""
    inside = inline.children or []
    if opening.type != "paragraph_open" or opening.level > 0 or not inside:
        return None
    kinds = [token.type for token in inside]
    only = kinds[0] == "link_open" and kinds[-1] == "link_close" and kinds.count("link_open") == 1
    return inside[0] if only else None


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())


@dataclass(slots=True)
class _Writer:
    """Plain lines of block tokens. `counts`: one entry for each open list, its next number or None for bullets."""

    links: Links
    lines: list[str] = field(default_factory=list)
    counts: list[int | None] = field(default_factory=list)
    marker: str = ""
    cells: list[str] | None = None

    def take(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self.counts.append(None)
            case "ordered_list_open":
                self.counts.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                self.counts.pop()
                self._blank(bool(self.counts))
            case "list_item_open":
                self._mark()
            case "tr_open":
                self.cells = []
            case "tr_close":
                self.lines.append(" | ".join(self.cells or ()))
                self.cells = None
            case "inline":
                self._inline(_plain(token.children or (), self.links))
            case "fence" | "code_block":
                self.lines += [*token.content.splitlines(), ""]
            case "hr":
                self.lines += ["---", ""]
            case "paragraph_close" | "heading_close" | "table_close":
                self._blank(token.hidden)

    def _blank(self, tight: bool) -> None:
        if not tight:
            self.lines.append("")

    def _mark(self) -> None:
        number = self.counts[-1]
        self.marker = "- " if number is None else f"{number}. "
        if number is not None:
            self.counts[-1] = number + 1

    def _inline(self, text: str) -> None:
        if self.cells is not None:
            self.cells.append(text)
            return
        indent = "  " * (len(self.counts) - 1)
        first = indent + (self.marker or "  " * bool(self.counts))
        self.marker = ""
        for number, line in enumerate(text.split("\n")):
            self.lines.append((first if number == 0 else " " * len(first)) + line)


def _plain(tokens: Sequence[Token], marks: Links) -> str:
    """Words without Markdown's signs; a link shows its target behind it."""
    out, links = "", list[tuple[str, str, int]]()
    for token in tokens:
        match token.type:
            case "text" | "code_inline" | "image":
                out += token.content
            case "softbreak" | "hardbreak":
                out += "\n"
            case "link_open":
                target = str(token.attrs.get("href", ""))
                links.append((target, marks.mark(target), len(out)))
            case "link_close":
                target, mark, start = links.pop()
                out = out[:start] + mark if out[start:] == target else f"{out} ({mark})"
    return out
