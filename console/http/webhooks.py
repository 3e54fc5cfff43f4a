"""/v1/receipts/{channel}: providers' webhooks, kept as they came and answered at once."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from channels.base import Webhook
from config.settings import ChannelSettings
from console.http.access import Now, TheHouse, TheWeb
from console.http.errors import ApiError
from store import receipts

log = structlog.get_logger()
router = APIRouter()


def _hook(channel: str, web: TheWeb) -> tuple[Webhook, ChannelSettings]:
    if channel not in web.webhooks:
        raise ApiError(404, "unknown_channel", "no channel of this name takes receipts")
    return web.webhooks[channel]


Hook = Annotated[tuple[Webhook, ChannelSettings], Depends(_hook)]


@router.get("/v1/receipts/{channel}")
async def challenge(request: Request, hook: Hook) -> Response:
    """The greeting a provider wants when the webhook is set up."""
    webhook, settings = hook
    echo = webhook.challenge(settings, request.query_params)
    if echo is None:
        raise ApiError(403, "refused", "the verification token is not ours")
    # Plain text: what is echoed comes from outside and must never be read as a page.
    return Response(echo, media_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


@router.post("/v1/receipts/{channel}")
async def receipt(channel: str, request: Request, hook: Hook, house: TheHouse, now: Now) -> dict[str, str]:
    """Stored before it is understood; the receipts tick applies it."""
    webhook, settings = hook
    body = await request.body()
    if not webhook.verify(settings, body, request.headers):
        log.warning("receipt.refused", channel=channel, why="the signature does not match, or no secret is set")
        raise ApiError(403, "bad_signature", "the signature does not match the body")
    async with house.database.begin() as connection:
        await receipts.store(connection, channel, body, now)
    return {"status": "stored"}
