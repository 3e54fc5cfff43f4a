"""What routes are given: the house, the time, whose app is asking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request

from console.http.errors import ApiError
from console.http.hooks import Hooks
from console.http.keyring import Keyring
from console.http.limits import Limits, client_of
from console.http.streams import Streams
from jobs.house import House
from jobs.links import Signer

PURPOSE = "popup"  # of a recipient's token
CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class Web:
    """The house, the webhooks of its channels, and what this process remembers: streams, keys, who called how often."""

    house: House
    webhooks: Hooks
    streams: Streams
    keyring: Keyring
    limits: Limits

    @property
    def moment(self) -> float:
        """For the limits, which ask no database."""
        return self.house.clock.now().timestamp()

    def client(self, request: Request) -> str:
        peer = request.client.host if request.client else None
        return client_of(peer, request.headers.getlist("x-forwarded-for"), self.house.settings.http.proxies)

    def refused(self, request: Request, error: ApiError) -> ApiError:
        """Counts what a caller got wrong; another answer when it was too much."""
        late = self.limits.refused.take(self.client(request), self.moment)
        return too_many(late, "this address got too much wrong") if late else error


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a recipient's token says: whose app it is, and until when."""

    person_id: int
    expires_at: datetime


def too_many(late: float, why: str) -> ApiError:
    """late: seconds."""
    seconds = max(1, math.ceil(late))
    return ApiError(429, "too_many_requests", f"{why}; try again in {seconds} s", {"Retry-After": str(seconds)})


def web_of(request: Request) -> Web:
    web = request.app.state.web
    assert isinstance(web, Web)
    return web


def _house(web: Annotated[Web, Depends(web_of)]) -> House:
    return web.house


TheWeb = Annotated[Web, Depends(web_of)]
TheHouse = Annotated[House, Depends(_house)]


async def _now(house: TheHouse) -> datetime:
    return await house.clock.sync()


Now = Annotated[datetime, Depends(_now)]


def bearer(request: Request) -> str | None:
    scheme, _, word = request.headers.get("authorization", "").partition(" ")
    return word.strip() if scheme.lower() == "bearer" else None


def recipient_token(signer: Signer, person_id: int, now: datetime, ttl: timedelta) -> tuple[str, datetime]:
    """A token for one person's app, and when it ends (whole seconds)."""
    expires = int((now + ttl).timestamp())
    return signer.sign(PURPOSE, str(person_id), str(expires)), datetime.fromtimestamp(expires, UTC)


def ticket_of(request: Request, house: House, now: datetime) -> Ticket:
    """Raises ApiError when there is none, or it has ended."""
    words = house.signer.read(PURPOSE, bearer(request) or "")
    if words is None:
        raise ApiError(401, "unauthorized", "send a recipient's token: Authorization: Bearer TOKEN (POST /v1/popups/tokens)", CHALLENGE)
    person_id, expires = (int(word) for word in words)
    if expires <= now.timestamp():
        raise ApiError(401, "token_expired", "the recipient's token has ended; ask for a new one", CHALLENGE)
    return Ticket(person_id, datetime.fromtimestamp(expires, UTC))


def _ticket(request: Request, house: TheHouse, now: Now) -> Ticket:
    return ticket_of(request, house, now)


TheTicket = Annotated[Ticket, Depends(_ticket)]


def _recipient(ticket: TheTicket) -> int:
    return ticket.person_id


Recipient = Annotated[int, Depends(_recipient)]
