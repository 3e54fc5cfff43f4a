"""/c/{token}: a counted link of a message, on to where it leads."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from console.http.access import Now, TheHouse, TheWeb
from console.http.guards import Open, behind
from console.http.robots import is_robot
from console.http.strangers import stranger
from jobs.clicks import follow

router = APIRouter(route_class=behind(Open("clicks", "the link is signed")))

_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


@router.api_route("/c/{token}", methods=["GET", "HEAD"], include_in_schema=False)
async def click(token: str, request: Request, web: TheWeb, house: TheHouse, now: Now) -> Response:
    place = await follow(house, token, now, counts=not is_robot(request.method, request.headers))
    return stranger(web, request) if place is None else RedirectResponse(place, 302, headers=_HEADERS)
