"""A labelled placeholder for a picture that lives on somebody's server: nothing is fetched from outside, and no card is broken."""

from __future__ import annotations

from hashlib import blake2b
from html import escape
from urllib.parse import unquote, urlsplit

_GROUNDS = (("#0b5d4e", "#37b29a"), ("#1c3f94", "#5b8def"), ("#6b2d5c", "#d9729f"), ("#7a4a12", "#e0a443"), ("#243447", "#7089a6"))
_LONGEST = 46


def poster(url: str) -> str:
    """An SVG of 1200 × 628 that tells which picture belongs here; the same address gives the same picture."""
    seed = blake2b(url.encode(errors="replace"), digest_size=24).digest()
    dark, light = _GROUNDS[seed[0] % len(_GROUNDS)]
    path = unquote(urlsplit(url).path if "//" in url[:9] else url).strip("/")
    name = escape(path if len(path) <= _LONGEST else f"…{path[-_LONGEST:]}")
    candles = "".join(_candle(index, seed[index + 1], seed[index + 2]) for index in range(20))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 628" width="1200" height="628">
<defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="{dark}"/><stop offset="1" stop-color="{light}"/></linearGradient></defs>
<rect width="1200" height="628" fill="url(#g)"/><g fill="#fff" opacity=".28">{candles}</g>
<rect y="484" width="1200" height="144" fill="#0007"/>
<g fill="#fff" font-family="system-ui, sans-serif"><text x="48" y="546" font-size="42" font-weight="600">{name}</text>
<text x="48" y="594" font-size="28" opacity=".8">gambar pengganti · placeholder</text></g></svg>"""


def _candle(index: int, place: int, height: int) -> str:
    x, tall = 60 + index * 55, 40 + height // 3
    y = 330 - index * 9 - place // 3
    return f'<rect x="{x}" y="{y}" width="26" height="{tall}" rx="4"/><rect x="{x + 11}" y="{y - 24}" width="4" height="{tall + 48}"/>'
