"""GET /sdk/kabar-popup.js: for web views that do not bundle it. No secret is in it: any page may load it."""

from __future__ import annotations

import gzip
import hashlib

from fastapi import APIRouter, Request, Response

from console.http.guards import Open, behind
from console.http.tags import matches
from console.sdk import SOURCE

router = APIRouter(route_class=behind(Open("sdk", "a script that any page may load; no secret is in it")))

_PLAIN = SOURCE.read_bytes()
_PACKED = gzip.compress(_PLAIN, mtime=0)
_HASH = hashlib.sha256(_PLAIN).hexdigest()[:32]
_HEADERS = {
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
    "Vary": "Accept-Encoding",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


@router.api_route("/sdk/kabar-popup.js", methods=["GET", "HEAD"], include_in_schema=False)
async def script(request: Request) -> Response:
    packed = "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{_HASH}{"-gzip" if packed else ""}"'
    headers = _HEADERS | {"ETag": tag} | ({"Content-Encoding": "gzip"} if packed else {})
    if matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(_PACKED if packed else _PLAIN, media_type="text/javascript", headers=headers)
