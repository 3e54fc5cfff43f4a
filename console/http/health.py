"""/healthz: do the core ticks tick? /readyz: may traffic come?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from console.http.access import TheHouse
from console.http.errors import ApiError
from console.http.guards import Open, behind, caller_of, key_given
from jobs.api_keys import KeyScope
from jobs.house import House
from scheduler.troubles import Trouble, troubles
from store import identity, schema, ticks, versions
from store.ticks import Tick

router = APIRouter(route_class=behind(Open("health", "whoever supervises the process must see that it lives")))

CORE = ("plan", "valve")
STALE_S = 60
PATIENCE_S = 3
INSIDERS = {KeyScope.CONSOLE, KeyScope.METRICS}  # a key of either is told what is wrong in words


class Health(BaseModel):
    """ticks: seconds since each last succeeded. stale: those that did too long ago."""

    status: Literal["ok", "stale", "database_unreachable"]
    ticks: dict[str, float | None]
    stale: list[str] = []


class Wrong(BaseModel):
    """words: for whoever has a key; they name campaigns and files."""

    code: str
    critical: bool
    words: str | None = None


class Ready(BaseModel):
    """troubles: what is wrong with the house, though it takes in what comes.
    paused: why all sending was stopped, by nobody's hand; for whoever has a key."""

    status: Literal["ready", "degraded", "not_ready"]
    troubles: list[Wrong]
    message: str | None = None
    paused: str | None = None


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
                seen = await ticks.every(connection)
                found = ages(seen, now)
    except _AWAY:
        return JSONResponse({"status": "database_unreachable", "ticks": {}})
    late = _late(seen, now)
    return JSONResponse({"status": "stale" if late else "ok", "stale": late, "ticks": found}, 503 if late else 200)


def _late(seen: Sequence[Tick], now: datetime) -> list[str]:
    """One that never succeeded is late as soon as it has failed; one that never ran is not: maybe it is not meant to, yet."""
    return [tick.name for tick in seen if tick.name in CORE and _is_late(tick, now)]


def _is_late(tick: Tick, now: datetime) -> bool:
    def ago(at: datetime) -> bool:
        return (now - at).total_seconds() > STALE_S

    if tick.at_work_at is not None and not ago(tick.at_work_at):
        return False
    return tick.last_error_at is not None if tick.last_ok_at is None else ago(tick.last_ok_at)


@router.get("/readyz", responses={200: {"model": Ready}, 503: {"model": Ready}})
async def readyz(request: Request, house: TheHouse) -> JSONResponse:
    """503 when this process cannot take anything in. What else is wrong with the house is told, and keeps no traffic away:

    an event that is stored now goes out when the scheduler is back. The words are for whoever has a key.
    """
    halt, found, known = None, list[Trouble](), False
    try:
        async with asyncio.timeout(PATIENCE_S):
            missing = await _missing(house)
            if missing is None:
                halt = await _halted(house)
                async with house.database.begin() as connection:
                    found = await troubles(connection, await house.clock.sync())
                known = await _known(request)
    except _AWAY:
        missing = "the database does not answer"
    if missing is not None:
        return JSONResponse({"status": "not_ready", "message": missing, "troubles": []}, 503)
    body: dict[str, Any] = {"status": "degraded" if found else "ready", "troubles": [_told(trouble, known) for trouble in found]}
    if halt is not None:
        # Events and receipts are welcome all the same: they are what a restored database lacks.
        body |= {"message": "nothing is sent until somebody has looked, and `kabar resume --all`"}
        body |= {"paused": halt.words} if known else {}
    return JSONResponse(body)


def _told(trouble: Trouble, known: bool) -> dict[str, Any]:
    return asdict(trouble) if known else {"code": trouble.code, "critical": trouble.critical}


async def _known(request: Request) -> bool:
    """Whether a good key came with it. A wrong one is counted, and makes a stranger: a probe whose key ended must not end the traffic."""
    if not key_given(request):
        return False
    try:
        return not INSIDERS.isdisjoint((await caller_of(request)).scopes)
    except ApiError:
        return False


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
