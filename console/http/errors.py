"""Every error in one shape, {"error": code, "message": plain words}, and never a value of a person's in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from console.http.strict import TWICE

TOLD = 10  # faults of one request
FIELD_LENGTH = 80  # of a name that may be the caller's own


class ApiError(HTTPException):
    """code: for programs. message: what is wrong and the way out, for people."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail=message, headers=dict(headers or {}))
        self.code = code


def install(app: FastAPI) -> None:
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)


def error_response(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    # ASCII only: a field's name may hold what UTF-8 cannot.
    body = json.dumps({"error": code, "message": message})
    return Response(body, status, media_type="application/json", headers=dict(headers or {}))


async def _refused(_: Request, error: Exception) -> Response:
    if isinstance(error, ApiError):
        return error_response(error.status_code, error.code, error.detail, error.headers)
    if not isinstance(error, StarletteHTTPException):
        raise error
    return error_response(error.status_code, HTTPStatus(error.status_code).name.lower(), error.detail, error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    return error_response(422, "invalid", "; ".join(_fault(fault) for fault in faults[:TOLD]))


def _fault(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "json_invalid":
        twice = fault["ctx"]["error"] == TWICE
        return "the body has a key twice in one object" if twice else f"the body is not JSON (at character {fault['loc'][-1]})"
    place: Sequence[object] = fault["loc"][1:]
    if not place:
        return "the body must be a JSON object, sent as Content-Type: application/json"
    return f"{'.'.join(str(part) for part in place)[:FIELD_LENGTH]}: {fault['msg']}"
