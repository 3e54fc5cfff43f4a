"""POST /v1/popups/tokens: the app's back end, which knows who is logged in, gets a token for that person's app."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from console.http.access import Now, TheHouse, recipient_token
from console.http.description import faults
from console.http.errors import ApiError
from console.http.fields import Body, Word
from console.http.guards import Key, behind
from jobs.api_keys import KeyScope
from store import popups

router = APIRouter(route_class=behind(Key(KeyScope.POPUPS)))

LONGEST_TTL_S = 86_400


class NewToken(Body):
    customer_no: Word
    ttl_s: Annotated[int, Field(ge=1, le=LONGEST_TTL_S)] = 3600


class Token(BaseModel):
    token: str
    expires_at: datetime


@router.post("/v1/popups/tokens", responses=faults(404))
async def token(new: NewToken, house: TheHouse, now: Now) -> Token:
    """One person's, for so many seconds; it cannot be called back."""
    async with house.database.begin() as connection:
        person_id = await popups.recipient(connection, new.customer_no)
    if person_id is None:
        raise ApiError(404, "unknown_customer", "no customer has this customer_no; import the customer first")
    signed, expires_at = recipient_token(house.signer, person_id, now, timedelta(seconds=new.ttl_s))
    return Token(token=signed, expires_at=expires_at)
