"""Who follows links and is no reader: prefetching browsers, link previews, mail scanners. What they say of themselves is believed."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Said by browsers and mail programs that load a page before anybody asked for it.
_AHEAD = {"sec-purpose": "prefetch", "purpose": "prefetch", "x-purpose": "preview", "x-moz": "prefetch"}
_ROBOTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|scan|monitor|headless|facebookexternalhit|whatsapp/|skypeuripreview|googleimageproxy"
    r"|yahoomailproxy|barracuda|mimecast|proofpoint|safelinks|symantec|trendmicro|curl/|wget/|python-|go-http-client|java/|okhttp",
    re.IGNORECASE,
)


def is_robot(method: str, headers: Mapping[str, str]) -> bool:
    """headers: names in lower case."""
    if method != "GET" or any(word in headers.get(name, "").lower() for name, word in _AHEAD.items()):
        return True
    agent = headers.get("user-agent", "")
    return not agent or _ROBOTS.search(agent) is not None
