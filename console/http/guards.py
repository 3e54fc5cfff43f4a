"""Who may call a route. It is asked before a byte of the body is read, and no route is without one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from console.http.access import CHALLENGE, bearer, ticket_of, too_many, web_of
from console.http.errors import ApiError
from console.http.keyring import Caller
from console.http.strict import StrictRequest
from jobs.api_keys import KeyScope

_WRONG = "the API key is missing or wrong; send Authorization: Bearer KEY or X-API-Key: KEY"
_NONE = "no API key is configured; `kabar keys create` makes one, or set KABAR_HTTP__API_KEY and start the web process again"


class Guard(ABC):
    """Lets a request in, or raises ApiError."""

    @abstractmethod
    async def admit(self, request: Request) -> None: ...


@dataclass(frozen=True, slots=True)
class Key(Guard):
    """An API key that opens this."""

    scope: KeyScope

    async def admit(self, request: Request) -> None:
        caller = await caller_of(request)
        if self.scope not in caller.scopes:
            raise ApiError(403, "wrong_scope", f"this key does not open that: it needs the scope {self.scope}")


def key_given(request: Request) -> str:
    """Empty when there is none."""
    return request.headers.get("x-api-key") or bearer(request) or ""


async def caller_of(request: Request) -> Caller:
    """Whose API key this is. Raises ApiError when it is nobody's, which counts against its address, or is used too often."""
    web, given = web_of(request), key_given(request)
    if web.keyring.strange(given):
        # One at a time: each that was wrong has counted before the database is asked for the next.
        async with web.keyring.strangers:
            if web.keyring.strange(given) and (late := web.limits.refused.wait(web.client(request), web.moment)):
                raise too_many(late, "this address got too much wrong")
            caller = await _owner(request, given)
    else:
        caller = await _owner(request, given)
    if late := web.limits.keys.take(caller.name, web.moment):
        raise too_many(late, "this key is used faster than KABAR_HTTP__KEY_RATE allows")
    return caller


async def _owner(request: Request, given: str) -> Caller:
    web = web_of(request)
    caller = await web.keyring.caller(given)
    if caller is None:
        wrong = ApiError(401, "unauthorized", _WRONG, CHALLENGE)
        raise web.refused(request, wrong if await web.keyring.any() else ApiError(503, "api_key_not_set", _NONE))
    return caller


class Ticket(Guard):
    """A recipient's token."""

    async def admit(self, request: Request) -> None:
        web = web_of(request)
        try:
            ticket = ticket_of(request, web.house, web.house.clock.now())
        except ApiError as error:
            raise web.refused(request, error) from None
        if late := web.limits.people.take(str(ticket.person_id), web.moment):
            raise too_many(late, "this person's app asks too often")


@dataclass(frozen=True, slots=True)
class Open(Guard):
    """Anybody, as often as KABAR_HTTP__OPEN_RATE allows one address. reason: why there is no lock on it."""

    name: str
    reason: str

    async def admit(self, request: Request) -> None:
        web = web_of(request)
        if late := web.limits.open.take(f"{self.name} {web.client(request)}", web.moment):
            raise too_many(late, "too many requests from this address")


@dataclass(frozen=True, slots=True)
class Verified(Guard):
    """The route itself verifies a signature over what came; what is verified is never too often. reason: whose."""

    reason: str

    async def admit(self, request: Request) -> None:
        return None


class GuardedRoute(APIRoute):
    """A route behind its guard."""

    guard: Guard

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, guard = super().get_route_handler(), self.guard

        async def guarded(request: Request) -> Response:
            await guard.admit(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return guarded


def behind(guard: Guard) -> type[GuardedRoute]:
    """For a router: `APIRouter(route_class=behind(Key(KeyScope.EVENTS)))`."""
    return type("Guarded", (GuardedRoute,), {"guard": guard})
