"""What routes are given, and who may call them: the back office by its API key, the app by a person's signed token."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request

from console.http.errors import ApiError
from console.http.hooks import Hooks
from console.http.streams import Streams
from jobs.house import House
from jobs.links import Signer

PURPOSE = "popup"  # of a recipient's token
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@dataclass(frozen=True)
class Web:
    """The house, the webhooks of its channels, and the streams of this process."""

    house: House
    webhooks: Hooks
    streams: Streams


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a recipient's token says: whose app it is, and until when."""

    person_id: int
    expires_at: datetime


def _web(request: Request) -> Web:
    web = request.app.state.web
    assert isinstance(web, Web)
    return web


def _house(web: Annotated[Web, Depends(_web)]) -> House:
    return web.house


TheWeb = Annotated[Web, Depends(_web)]
TheHouse = Annotated[House, Depends(_house)]


async def _now(house: TheHouse) -> datetime:
    return await house.clock.sync()


Now = Annotated[datetime, Depends(_now)]


def require_key(request: Request, house: TheHouse) -> None:
    """Raises ApiError unless the request carries the API key, as `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
    configured = house.settings.http.api_key
    expected = configured.get_secret_value() if configured else ""
    if not expected:
        raise ApiError(503, "api_key_not_set", "no API key is configured; set KABAR_HTTP__API_KEY and start the web process again")
    given = request.headers.get("x-api-key") or bearer(request) or ""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        message = "the API key is missing or wrong; send Authorization: Bearer KEY or X-API-Key: KEY"
        raise ApiError(401, "unauthorized", message, _CHALLENGE)


def require_key_from_afar(request: Request, house: TheHouse) -> None:
    """Like require_key, but for callers on this machine, where nothing stands in between."""
    if not _is_local(request):
        require_key(request, house)


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def bearer(request: Request) -> str | None:
    scheme, _, word = request.headers.get("authorization", "").partition(" ")
    return word.strip() if scheme.lower() == "bearer" else None


def recipient_token(signer: Signer, person_id: int, now: datetime, ttl: timedelta) -> tuple[str, datetime]:
    """A token for one person's app, and when it ends (whole seconds)."""
    expires = int((now + ttl).timestamp())
    return signer.sign(PURPOSE, str(person_id), str(expires)), datetime.fromtimestamp(expires, UTC)


def _ticket(request: Request, house: TheHouse, now: Now) -> Ticket:
    words = house.signer.read(PURPOSE, bearer(request) or "")
    if words is None:
        raise ApiError(401, "unauthorized", "send a recipient's token: Authorization: Bearer TOKEN (POST /v1/popups/tokens)", _CHALLENGE)
    person_id, expires = (int(word) for word in words)
    if expires <= now.timestamp():
        raise ApiError(401, "token_expired", "the recipient's token has ended; ask for a new one", _CHALLENGE)
    return Ticket(person_id, datetime.fromtimestamp(expires, UTC))


TheTicket = Annotated[Ticket, Depends(_ticket)]


def _recipient(ticket: TheTicket) -> int:
    return ticket.person_id


Recipient = Annotated[int, Depends(_recipient)]
