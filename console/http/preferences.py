"""/p/{token}: a person chooses by which channels offers come and at what hours. The token is the proof; a GET changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Request, Response

from console.http import pages
from console.http.access import Now, TheHouse
from console.http.preference_page import CHANGED, HOURS, HOURS_BEFORE, OFFERS, OFFERS_BEFORE, choices
from jobs.house import House
from jobs.links import PREFERENCES
from jobs.preferences import Change, change
from store import preferences

log = structlog.get_logger()
router = APIRouter()

_FIELDS = 50  # more than the page has


@router.get("/p/{token}", include_in_schema=False)
async def ask(token: str, house: TheHouse) -> Response:
    person_id = _named(house, token)
    if person_id is None:
        return pages.not_found()
    async with house.database.begin() as connection:
        chosen = await preferences.chosen(connection, person_id)
    return choices(list(house.channels), chosen) if chosen else pages.not_found()


@router.post("/p/{token}", include_in_schema=False)
async def choose(token: str, request: Request, house: TheHouse, now: Now) -> Response:
    """What differs from what the page showed is put into force: a page that lay open for a week takes nothing newer back."""
    person_id = _named(house, token)
    if person_id is None:
        return pages.not_found()
    wanted = _wanted(await request.body(), list(house.channels))
    if wanted is None:  # not from our page: a scanner, a mail program that posts to whatever it finds
        return await ask(token, house)
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
