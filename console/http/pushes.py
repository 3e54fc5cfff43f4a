"""POST /v1/receipts/push: the app's reports of pushes, from its back end; FCM itself sends no receipts."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from console.http.access import Now, TheHouse
from console.http.fields import At, Body, ButtonId, DeliveryId
from console.http.guards import Key, behind
from console.http.reports import Stored
from jobs.api_keys import KeyScope
from store import receipts

router = APIRouter(route_class=behind(Key(KeyScope.RECEIPTS)))


class PushReport(Body):
    """event_id: a UUID made on the device. delivery_id: the message's key in the push's data."""

    event_id: UUID
    delivery_id: DeliveryId
    type: Literal["received", "open", "click", "dismiss", "error"]
    at: At
    button_id: ButtonId | None = None


class PushReports(Body):
    items: Annotated[tuple[PushReport, ...], Field(min_length=1, max_length=500)]


@router.post("/v1/receipts/push")
async def pushes(reports: PushReports, house: TheHouse, now: Now) -> Stored:
    """Stored before it is understood, as a provider's receipts are: the app may be faster than our own commit of the sending."""
    async with house.database.begin() as connection:
        await receipts.store(connection, "push", reports.model_dump_json().encode(), now)
    return Stored()
