"""/u/{token}: one click ends the offers on one channel (RFC 8058). A GET changes nothing: scanners follow links, people press buttons."""

from __future__ import annotations

import structlog
from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import IntegrityError

from console.http import pages
from console.http.access import Now, TheHouse, TheWeb
from console.http.guards import Open, behind
from console.http.strangers import stranger
from jobs import withdrawal
from jobs.house import House
from jobs.links import NOBODY, PREFERENCES, UNSUBSCRIBE
from store.suppressions import Source

log = structlog.get_logger()
router = APIRouter(route_class=behind(Open("unsubscribe", "the link is signed, and names the person and the channel")))

EVIDENCE = "one-click"


@router.get("/u/{token}", include_in_schema=False)
async def ask(token: str, request: Request, web: TheWeb, house: TheHouse) -> Response:
    named = _named(house, token)
    return stranger(web, request) if named is None else pages.confirm(named[1], _preferences(house, named[0]))


@router.post("/u/{token}", include_in_schema=False)
async def opt_out(token: str, request: Request, web: TheWeb, house: TheHouse, now: Now) -> Response:
    """The body does not matter: a mail program posts `List-Unsubscribe=One-Click`, our page's button nothing."""
    named = _named(house, token)
    if named is None:
        return stranger(web, request)
    person_id, channel = named
    if person_id == NOBODY:
        return pages.only_a_test()
    try:
        async with house.database.begin() as connection:
            new = await withdrawal.opt_out(house, connection, [(person_id, channel, EVIDENCE)], now, Source.ONE_CLICK)
    except IntegrityError:  # the person has been erased since
        return pages.not_found()
    if new:
        log.info("customer.opted_out", channel=channel, person_id=person_id, evidence=EVIDENCE)
    return pages.done(channel, _preferences(house, person_id))


def _preferences(house: House, person_id: int) -> str:
    return f"../p/{house.signer.sign(PREFERENCES, str(person_id))}"


def _named(house: House, token: str) -> tuple[int, str] | None:
    """(person id, channel), None when the token is not ours."""
    words = house.signer.read(UNSUBSCRIBE, token)
    return None if words is None else (int(words[0]), words[1])
