"""/p/{token}: a person chooses by which channels offers come and at what hours. The token is the proof; a GET changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Request, Response

from console.http import pages
from console.http.access import Now, TheHouse, TheWeb
from console.http.guards import Open, behind
from console.http.preference_page import CHANGED, HOURS, HOURS_BEFORE, OFFERS, OFFERS_BEFORE, choices
from console.http.strangers import stranger
from jobs.house import House
from jobs.links import NOBODY, PREFERENCES
from jobs.preferences import Change, change
from store import preferences

log = structlog.get_logger()
router = APIRouter(route_class=behind(Open("preferences", "the link is signed, and names the person")))

_FIELDS = 50  # more than the page has


@router.get("/p/{token}", include_in_schema=False)
async def ask(token: str, request: Request, web: TheWeb, house: TheHouse) -> Response:
    person_id = _named(house, token)
    if person_id is None:
        return stranger(web, request)
    if person_id == NOBODY:
        return pages.only_a_test()
    async with house.database.begin() as connection:
        chosen = await preferences.chosen(connection, person_id)
    return choices(list(house.channels), chosen) if chosen else pages.not_found()


@router.post("/p/{token}", include_in_schema=False)
async def choose(token: str, request: Request, web: TheWeb, house: TheHouse, now: Now) -> Response:
    """What differs from what the page showed is put into force: a page that lay open for a week takes nothing newer back."""
    person_id = _named(house, token)
    wanted = None if person_id in (None, NOBODY) else _wanted(await request.body(), list(house.channels))
    if person_id is None or wanted is None:  # not from our page: a scanner, a mail program that posts to whatever it finds
        return await ask(token, request, web, house)
    async with house.database.begin() as connection:
        chosen = await change(house, connection, person_id, wanted, now)
    if chosen is None:
        return pages.not_found()
    log.info("customer.preferences", person_id=person_id, on=sorted(wanted.on), off=sorted(wanted.off), hours=wanted.hours)
    return choices(list(house.channels), chosen, saved=True)


def _named(house: House, token: str) -> int | None:
    words = house.signer.read(PREFERENCES, token)
    return None if words is None else int(words[0])


def _wanted(body: bytes, channels: Sequence[str]) -> Change | None:
    """None when the body is not our form."""
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=_FIELDS)
    except ValueError:
        return None
    if CHANGED not in form:
        return None
    offers, before = ({each for each in form.get(name, []) if each in channels} for name in (OFFERS, OFFERS_BEFORE))
    hours = form.get(HOURS, [""])[0]
    return Change(on=offers - before, off=before - offers, hours=None if hours == form.get(HOURS_BEFORE, [""])[0] else hours)
