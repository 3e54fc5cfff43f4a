"""/v1/receipts/{channel}: providers' webhooks, kept as they came and answered at once."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from channels.incoming import Webhook
from config.settings import ChannelSettings
from console.http.access import Now, TheHouse, TheWeb
from console.http.description import faults
from console.http.errors import ApiError
from console.http.guards import Verified, behind
from console.http.reports import Stored
from store import receipts

log = structlog.get_logger()
router = APIRouter(route_class=behind(Verified("the provider signs the body, or knows our word")))


async def _hook(channel: str, web: TheWeb) -> tuple[Webhook, tuple[ChannelSettings, ...]]:
    found = await web.webhooks.of(channel)
    if found is None:
        raise ApiError(404, "unknown_channel", "no channel of this name takes receipts")
    return found


Hook = Annotated[tuple[Webhook, tuple[ChannelSettings, ...]], Depends(_hook)]


@router.get("/v1/receipts/{channel}", response_class=PlainTextResponse, responses=faults(404))
async def challenge(request: Request, web: TheWeb, hook: Hook) -> Response:
    """The greeting a provider wants when the webhook is set up."""
    webhook, accounts = hook
    echo = next((said for settings in accounts if (said := webhook.challenge(settings, request.query_params)) is not None), None)
    if echo is None:
        raise web.refused(request, ApiError(403, "refused", "the verification token is not ours"))
    # Plain text: what is echoed comes from outside and must never be read as a page.
    return PlainTextResponse(echo)


@router.post("/v1/receipts/{channel}", responses=faults(400, 404, 408, 413))
async def receipt(channel: str, request: Request, web: TheWeb, hook: Hook, house: TheHouse, now: Now) -> Stored:
    """Stored before it is understood; the receipts tick applies it."""
    webhook, accounts = hook
    body = await request.body()
    # Every account is asked, so that the time it takes does not tell whose secret it was.
    theirs = [webhook.verify(settings, body, request.headers) for settings in accounts]
    if not any(theirs):
        error = web.refused(request, ApiError(403, "bad_signature", "the signature does not match the body"))
        if error.status_code == 403:  # what is too much is not worth a line each
            log.warning("receipt.refused", channel=channel, why="the signature does not match, or no secret is set")
        raise error
    async with house.database.begin() as connection:
        await receipts.store(connection, channel, body, now)
    return Stored()
