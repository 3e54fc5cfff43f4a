"""Links in Markdown that can be counted: a mark stands in their place until a person's mail is written."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from channels.email.shield import Shield

# Only a host that operations wrote themselves: what a person's data leads to stays as it is.
_COUNTED = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(?![^/?#])")
_TOKEN_IN_HOST = re.compile(r"https://[^/?#]*jx[es][0-9]+xj")
# Characters that no template, name or value has: they are no text.
_MARK = "\x02{}\x03"
_MARKS = re.compile("\x02([0-9]+)\x03")


@dataclass(slots=True)
class Links:
    """The links of one text in the order they stand, as they are met."""

    shield: Shield
    found: list[str] = field(default_factory=list)

    def mark(self, target: str) -> str:
        """What stands in the text instead of a target with hidden expressions: the mark of one that is counted, or the target itself."""
        if not _COUNTED.match(target) or _TOKEN_IN_HOST.match(target):
            return target
        self.found.append(self.shield.show(target))
        return _MARK.format(len(self.found) - 1)


def in_text(text: str, links: Sequence[str]) -> str:
    """The text with links where the marks were."""
    return _MARKS.sub(lambda found: links[int(found[1])], text)


def in_html(text: str, links: Sequence[str]) -> str:
    return in_text(text, [html.escape(link) for link in links])
