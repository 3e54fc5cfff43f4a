"""/v1/popups: the app asks what to show and tells what became of it. A token sees and moves its own person's items only."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Row

from channels.popup.content import PopupContent
from console.http.access import Now, Recipient, TheHouse
from console.http.description import faults
from console.http.fields import NO_CONTROLS, At, Body, ButtonId, DeliveryId, time_text
from console.http.guards import Ticket, behind
from console.http.popup_answer import Waiting
from console.http.reports import Reports, report
from console.http.tags import matches
from jobs.interactions import Interaction
from jobs.links import TRIAL_KEY, message_id, message_key, trial_id
from jobs.popups import offer
from jobs.trials import seen
from store import popups

router = APIRouter(route_class=behind(Ticket()))

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Waiting},
    304: {"description": "Nothing changed since that ETag"},
    **faults(422),
}

Hint = Annotated[str | None, Query(max_length=64, pattern=NO_CONTROLS)]


class PopupEvent(Body):
    """event_id: a UUID made on the device."""

    event_id: UUID
    delivery_id: DeliveryId
    type: Literal["impression", "click", "dismiss", "error"]
    at: At
    button_id: ButtonId | None = None


class PopupEvents(Body):
    items: Annotated[tuple[PopupEvent, ...], Field(max_length=100)]


@router.get("/v1/popups", responses=_ANSWERS)
async def waiting(
    request: Request,
    house: TheHouse,
    person_id: Recipient,
    now: Now,
    trigger: Annotated[str, Query(max_length=64, pattern=NO_CONTROLS)] = "app_open",
    platform: Hint = None,
    app_version: Hint = None,
    locale: Hint = None,
    device: Hint = None,
) -> Response:
    """At most one item, and to one of several devices that name themselves.

    platform, app_version and locale are taken and not used yet: content is rendered in the person's own locale.
    """
    found = await offer(house, person_id, trigger, now, device)
    items = [] if found.item is None else [_item(found.item)]
    body = json.dumps({"items": items, "poll_after_s": found.poll_after_s}, ensure_ascii=False).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization", "Kabar-Time": time_text(now)}
    if matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.post("/v1/popups/events", response_model=Reports)
async def events(told: PopupEvents, house: TheHouse, person_id: Recipient, now: Now) -> dict[str, Any]:
    """The first impression consumes a pop-up that is shown once; a click or dismissal closes it."""
    asked = {item.delivery_id: message_id(item.delivery_id) for item in told.items}
    async with house.database.begin() as connection:
        own = await popups.own(connection, person_id, [found for found in asked.values() if found is not None])
    # What is no pop-up of this person's is named by nothing, and so comes back as unknown.
    reports = [
        Interaction(str(item.event_id), item.delivery_id if asked[item.delivery_id] in own else "", item.type, item.at, item.button_id)
        for item in told.items
    ]
    answer = await report(house, person_id, reports, now)
    tests = await seen(house, person_id, {str(item.event_id): test for item in told.items if (test := trial_id(item.delivery_id))})
    return {"items": [item | {"status": tests.get(item["event_id"], item["status"])} for item in answer["items"]]}


def _key(row_id: int) -> str:
    return message_key(row_id) if row_id > 0 else f"{TRIAL_KEY}{-row_id}"


def _item(row: Row[Any]) -> dict[str, Any]:
    # Judged when it was rendered; only the defaults it left out are filled in.
    content = PopupContent.model_construct(**row.content)
    return {
        "delivery_id": _key(row.message_id),
        "campaign": row.campaign,
        "priority": row.priority,
        "trigger": content.trigger,
        "not_before": time_text(row.available_at),
        "expires_at": time_text(row.expires_at),
        "max_impressions": content.max_impressions,
        "min_interval_s": content.min_interval_s,
        "content": {
            "layout": content.layout,
            "title": content.title,
            "body": content.body,
            "image": {"url": content.image, "w": None, "h": None} if content.image else None,
            "buttons": [{"id": None, "label": None, "link": None} | button for button in row.content.get("buttons", ())],
        },
    }
