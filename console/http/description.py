"""GET /openapi.json: the endpoints for programs, with the guards as they are. For those who hold a key of scope console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from console.http.guards import Guard, GuardedRoute, Key, Ticket, Verified, behind
from jobs.api_keys import KeyScope

router = APIRouter(route_class=behind(Key(KeyScope.CONSOLE)))

_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key with the scope that the endpoint names."},
    "keyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "recipient": {"type": "http", "scheme": "bearer", "description": "A recipient's token, from POST /v1/popups/tokens."},
}
_WORDS = {
    400: "Not HTTP, or not JSON, as it should be",
    401: "No key or token, or a wrong one",
    403: "A key without the scope, or a signature that does not match",
    404: "Nobody and nothing of this name",
    413: "The body is too large",
    422: "The body or a parameter is not what it should be",
    429: "Too many requests; Retry-After says how many seconds to wait",
    503: "The database does not answer, or nothing is configured yet",
}


class Fault(BaseModel):
    """Every error. error: for programs; message: for people."""

    error: str
    message: str


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: errors of its own, beside those of its guard."""
    return {status: {"model": Fault, "description": _WORDS[status]} for status in statuses}


@router.get("/openapi.json", include_in_schema=False)
async def description(request: Request) -> dict[str, Any]:
    return describe(request.app)


def describe(app: FastAPI) -> dict[str, Any]:
    """The description, made once."""
    if app.openapi_schema is None:
        routes = [route for route in routes_of(app) if route.include_in_schema]
        schema = get_openapi(title=app.title, version=app.version, routes=routes)
        schema.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for route in routes:
            for method in route.methods or ():
                _guarded(schema["paths"][route.path_format][method.lower()], route.guard)
        app.openapi_schema = schema
    return app.openapi_schema


def routes_of(app: FastAPI) -> Iterator[GuardedRoute]:
    """Every route. Raises TypeError for one that is behind no guard."""
    for route in app.routes:
        if not isinstance(route, GuardedRoute):
            raise TypeError(f"the route {getattr(route, 'path', route)} is behind no guard")
        yield route


def _guarded(operation: dict[str, Any], guard: Guard) -> None:
    own = {Key: (401, 403, 429, 503), Ticket: (401, 429, 503), Verified: (403, 429, 503)}.get(type(guard), (429,))
    body = (400, 413, 422) if "requestBody" in operation else ()
    fault: Mapping[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}}
    for status in (*own, *body):
        operation["responses"].setdefault(str(status), {"description": _WORDS[status], "content": fault})
    if isinstance(guard, Key):
        operation["security"] = [{"key": []}, {"keyHeader": []}]
        operation["description"] = f"Scope of the key: {guard.scope}. {operation.get('description', '')}".strip()
    elif isinstance(guard, Ticket):
        operation["security"] = [{"recipient": []}]
