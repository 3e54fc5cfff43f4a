"""POST /v1/events: the back office tells what happened to one customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import uuid4

from fastapi import APIRouter
from pydantic import BaseModel, Field

from console.http.access import Now, TheHouse
from console.http.description import faults
from console.http.errors import ApiError
from console.http.fields import Body, Plain, Word
from console.http.guards import Key, behind
from jobs.api_keys import KeyScope
from jobs.events import EventRefused, take_event
from store.events import ForgottenCustomer, UnknownCustomer

router = APIRouter(route_class=behind(Key(KeyScope.EVENTS)))

_STATUS = {"not_configured": 503}


class NewEvent(Body):
    """event_id: the sender's own, so that a repeat is known as one; made up here when it is missing."""

    event: Word
    customer_no: Word
    data: Mapping[Word, Plain] = Field(default_factory=dict, max_length=50)
    event_id: Word | None = None


class Taken(BaseModel):
    """duplicate: an event of this id was taken before, and this one does nothing. ignored: the customer is forgotten."""

    event_id: str
    status: Literal["accepted", "duplicate", "ignored"]


@router.post("/v1/events", status_code=202, responses=faults(404))
async def event(new: NewEvent, house: TheHouse, now: Now) -> Taken:
    event_id = new.event_id or str(uuid4())
    try:
        added = await take_event(house, event_id=event_id, name=new.event, customer_no=new.customer_no, data=new.data, now=now)
    except EventRefused as error:
        raise ApiError(_STATUS.get(error.code, 422), error.code, str(error)) from None
    except ForgottenCustomer:  # it is in order, and nothing to try again
        return Taken(event_id=event_id, status="ignored")
    except UnknownCustomer:
        raise ApiError(404, "unknown_customer", "no customer has this customer_no; import the customer first") from None
    return Taken(event_id=event_id, status="accepted" if added else "duplicate")
