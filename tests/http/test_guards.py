"""Every route is behind a guard, and each guard keeps its word."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from aiohttp import ClientSession
from fastapi import FastAPI

from console.http import make_web
from console.http.description import routes_of
from console.http.guards import Guard, Key, Open, Ticket, Verified
from jobs.api_keys import KeyScope
from jobs.house import House
from tests.http.app import new_key

# A new route has to be written down here, with who may call it.
WANTED = {
    "POST /v1/events": "key of events",
    "POST /v1/receipts/push": "key of receipts",
    "POST /v1/popups/tokens": "key of popups",
    "GET /metrics": "key of metrics",
    "GET /openapi.json": "key of console",
    "GET /v1/popups": "recipient's token",
    "POST /v1/popups/events": "recipient's token",
    "GET /v1/popups/stream": "recipient's token",
    "GET /v1/receipts/{channel}": "verified",
    "POST /v1/receipts/{channel}": "verified",
    "GET /healthz": "open",
    "GET /readyz": "open",
    "GET /sdk/kabar-popup.js": "open",
    "HEAD /sdk/kabar-popup.js": "open",
    "GET /c/{token}": "open",
    "HEAD /c/{token}": "open",
    "GET /u/{token}": "open",
    "POST /u/{token}": "open",
    "GET /p/{token}": "open",
    "POST /p/{token}": "open",
}


def words(guard: Guard) -> str:
    match guard:
        case Key(scope=scope):
            return f"key of {scope}"
        case Ticket():
            return "recipient's token"
        case Verified(reason=reason) if reason:
            return "verified"
        case Open(reason=reason) if reason:
            return "open"
    raise AssertionError(f"{guard} lets anybody in and does not say why")


def guarded(house: House) -> Mapping[str, str]:
    return {f"{method} {route.path}": words(route.guard) for route in routes_of(make_web(house)) for method in route.methods or ()}


def test_every_route_is_behind_the_guard_that_is_written_down(house: House) -> None:
    assert guarded(house) == WANTED


def test_a_route_without_a_guard_keeps_the_web_process_from_starting() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.get("/new")(lambda: None)
    with pytest.raises(TypeError, match="the route /new is behind no guard"):
        list(routes_of(app))


async def test_a_key_opens_what_its_scope_says_and_the_answer_names_the_scope_that_is_missing(house: House, web: ClientSession) -> None:
    keys = {scope: await new_key(house, scope, scopes=[scope]) for scope in KeyScope}
    for route, guard in WANTED.items():
        if not guard.startswith("key of "):
            continue
        method, path = route.split()
        for scope, key in keys.items():
            async with web.request(method, path, headers={"X-API-Key": key}, json={}) as answer:
                if guard == f"key of {scope}":
                    assert answer.status in (200, 422), route
                else:
                    told = await answer.json()
                    assert (answer.status, told["error"]) == (403, "wrong_scope")
                    assert told["message"].endswith(guard.removeprefix("key of "))


async def test_nobody_comes_in_without_the_proof_and_what_they_send_is_not_even_read(web: ClientSession) -> None:
    for route, guard in WANTED.items():
        method, path = route.split()
        async with web.request(
            method, path.replace("{channel}", "whatsapp"), data=b"{", headers={"Content-Type": "application/json"}
        ) as answer:
            expected = {"verified": 403, "open": None}.get(guard, 401)
            assert expected is None or answer.status == expected, route


async def test_no_answer_sets_a_cookie_and_none_says_what_serves_it(house: House, web: ClientSession) -> None:
    for route in WANTED:
        method, path = route.split()
        for purpose, name in (("unsubscribe", "u"), ("preferences", "p")):
            path = path.replace(f"/{name}/{{token}}", f"/{name}/{house.signer.sign(purpose, '0', 'email')}")
        async with web.request(method, path.replace("{channel}", "whatsapp")) as answer:
            assert "Set-Cookie" not in answer.headers
            assert "Server" not in answer.headers
