"""GET /openapi.json: the endpoints for programs, with the guards as they are. For those who hold a key of scope console."""

from __future__ import annotations

from collections.abc import Iterator
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
    408: "The body came too slowly",
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
    return {status: _fault(status) for status in statuses}


def _fault(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Fault"}
    return {"description": _WORDS[status], "content": {"application/json": {"schema": schema}}}


@router.get("/openapi.json", include_in_schema=False)
async def description(request: Request) -> dict[str, Any]:
    return describe(request.app)


def describe(app: FastAPI) -> dict[str, Any]:
    """The description, made once."""
    if app.openapi_schema is None:
        routes = [route for route in routes_of(app) if route.include_in_schema]
        schema = get_openapi(title=app.title, version=app.version, routes=routes)
        schema["components"]["securitySchemes"] = _SCHEMES
        schema["components"]["schemas"]["Fault"] = Fault.model_json_schema()
        for route in routes:
            for method in route.methods or ():
                _guarded(schema["paths"][route.path_format][method.lower()], route.guard)
        for name in ("HTTPValidationError", "ValidationError"):
            schema["components"]["schemas"].pop(name, None)
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
    body = (400, 408, 413, 422) if "requestBody" in operation else ()
    for status in (*own, *body):
        operation["responses"].setdefault(str(status), _fault(status))
    if "422" in operation["responses"]:
        operation["responses"]["422"] = _fault(422)  # in our shape, not in the framework's
    if isinstance(guard, Key):
        operation["security"] = [{"key": []}, {"keyHeader": []}]
        operation["description"] = f"Scope of the key: {guard.scope}. {operation.get('description', '')}".strip()
    elif isinstance(guard, Ticket):
        operation["security"] = [{"recipient": []}]
