"""Links that are not ours: one page for all of them, and counted, so that nobody tries many."""

from __future__ import annotations

from fastapi import Request, Response

from console.http import pages
from console.http.access import Web, too_many


def stranger(web: Web, request: Request) -> Response:
    """The page that says so. Raises ApiError when this address came with too many of them."""
    late = web.limits.refused.take(web.client(request), web.moment)
    if late:
        raise too_many(late, "too many links from this address were not ours")
    return pages.not_found()
