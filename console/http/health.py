"""/healthz: do the core ticks tick? /readyz: may traffic come?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from console.http.access import TheHouse
from console.http.guards import Open, behind
from jobs.house import House
from store import identity, schema, ticks, versions
from store.ticks import Tick

router = APIRouter(route_class=behind(Open("health", "whoever supervises the process must see that it lives")))

CORE = ("plan", "valve")
STALE_S = 60
PATIENCE_S = 3


class Health(BaseModel):
    """ticks: seconds since each last succeeded. stale: those that did too long ago."""

    status: Literal["ok", "stale", "database_unreachable"]
    ticks: dict[str, float | None]
    stale: list[str] = []


class Ready(BaseModel):
    status: Literal["ready", "not_ready"]
    message: str | None = None


_AWAY = (SQLAlchemyError, OSError, TimeoutError)


def ages(found: Sequence[Tick], now: datetime) -> dict[str, float | None]:
    """Seconds since each tick last succeeded; None when it never did."""
    return {tick.name: round((now - tick.last_ok_at).total_seconds(), 1) if tick.last_ok_at else None for tick in found}


@router.get("/healthz", responses={200: {"model": Health}, 503: {"model": Health}})
async def healthz(house: TheHouse) -> JSONResponse:
    """The ticks' word comes through the database, so a process that only serves the web knows it, too.

    A database that does not answer is no reason to restart this process: 200 then, and /readyz says 503.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            now = await house.clock.sync()
            async with house.database.begin() as connection:
                found = ages(await ticks.every(connection), now)
    except _AWAY:
        return JSONResponse({"status": "database_unreachable", "ticks": {}})
    late = _late(found)
    return JSONResponse({"status": "stale" if late else "ok", "stale": late, "ticks": found}, 503 if late else 200)


def _late(found: Mapping[str, float | None]) -> list[str]:
    return [name for name in CORE if (found.get(name) or 0) > STALE_S]


@router.get("/readyz", responses={200: {"model": Ready}, 503: {"model": Ready}})
async def readyz(house: TheHouse) -> JSONResponse:
    try:
        async with asyncio.timeout(PATIENCE_S):
            missing = await _missing(house)
            halt = await _halted(house) if missing is None else None
    except _AWAY:
        missing, halt = "the database does not answer", None
    body: dict[str, Any] = {"status": "ready"} if missing is None else {"status": "not_ready", "message": missing}
    if halt is not None:
        # Events and receipts are welcome all the same: they are what a restored database lacks.
        body |= {"paused": halt.words, "message": "nothing is sent until somebody has looked, and `kabar resume --all`"}
    return JSONResponse(body, 200 if missing is None else 503)


async def _halted(house: House) -> identity.Halt | None:
    async with house.database.begin() as connection:
        return await identity.halted(connection)


async def _missing(house: House) -> str | None:
    async with house.database.begin() as connection:
        if await schema.behind(connection):
            return "the database has not the schema of this version; run `kabar db upgrade`"
        if await versions.newest(connection) is None:
            return "no configuration is published yet"
    return None
