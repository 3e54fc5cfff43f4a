"""What browsers are given: the page of the sandbox, the mails in their frames, and pictures in place of those outside."""

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from channels.sandbox.display import mail_parts
from channels.sandbox.journal import Journal
from channels.sandbox.poster import poster

_FOLDER = Path(__file__).with_name("page")
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# Content comes from the sender under test: it is put in as text, and should that ever fail, nothing in it may load or run.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
_POSTER_POLICY = "default-src 'none'; sandbox"
_PICTURE = re.compile(r"""(<img\b[^>]*?\bsrc\s*=\s*)("[^"]*"|'[^']*'|[^\s>"']+)""", re.IGNORECASE)
_CALM = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


class Pages:
    """GET /, its files under /page/, /_sandbox/mail/{number} and /_sandbox/poster."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._files = {file.name: (file.read_bytes(), _KINDS[file.suffix]) for file in _FOLDER.iterdir() if file.suffix in _KINDS}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.index),
            web.get("/page/{name}", self.file),
            web.get("/_sandbox/mail/{number:\\d{1,15}}", self.mail),
            web.get("/_sandbox/poster", self.poster),
        ]

    async def index(self, request: web.Request) -> web.Response:
        return self.html("index.html", _POLICY)

    def html(self, name: str, policy: str) -> web.Response:
        body, kind = self._files[name]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_CALM | {"Content-Security-Policy": policy})

    async def file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files or name.endswith(".html"):
            raise web.HTTPNotFound
        body, kind = self._files[name]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_CALM)

    async def mail(self, request: web.Request) -> web.Response:
        """The HTML of one mail, or with ?text its text alternative, as a document that can do nothing."""
        delivery = self._journal.get(int(request.match_info["number"]))
        if delivery is None or delivery.channel != "email":
            raise web.HTTPNotFound
        html, text = mail_parts(delivery.raw)
        plain = f'<!doctype html><pre style="font:14px/1.55 system-ui;white-space:pre-wrap;overflow-wrap:anywhere">{escape(text)}</pre>'
        body = plain if "text" in request.query or not html else _with_posters(html)
        return web.Response(text=body, content_type="text/html", headers=_CALM | {"Content-Security-Policy": _MAIL_POLICY})

    async def poster(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": _POSTER_POLICY, "Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=poster(request.query.get("u", "")[:2000]), content_type="image/svg+xml", headers=headers)


def _with_posters(html: str) -> str:
    def placed(found: re.Match[str]) -> str:
        url = unescape(found[2].strip("\"'"))
        return found[0] if url.startswith("data:") else f'{found[1]}"/_sandbox/poster?u={quote(url, safe="")}"'

    return _PICTURE.sub(placed, html)
