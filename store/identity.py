"""Which database this is, and whether it is still the one that Kabar worked on: a copy, or one from long ago, must not go on by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store import ticks, versions
from store.statements import rows, run, sql

IDENTITY, RESTORED, DUMPED = "identity", "restored", "dumped"  # facts
BY = "kabar"
# The oid of a table changes when it is restored, and with nothing else that is done to it; a streaming standby has the same.
_LOOK = sql(
    """SELECT has_function_privilege('pg_control_system()', 'execute') AS allowed,
              concat_ws('/', (SELECT oid FROM pg_database WHERE datname = current_database()), to_regclass('messages')::oid) AS here,
              i.value ->> 'id' AS known, greatest(i.at, t.last_ok_at) AS alive,
              greatest((SELECT max(last_ok_at) FROM ticks), (SELECT at FROM facts WHERE name = 'dumped')) AS of
       FROM (SELECT) AS one LEFT JOIN facts i ON i.name = 'identity' LEFT JOIN ticks t ON t.name = 'valve'"""
)
_SYSTEM = sql("SELECT system_identifier FROM pg_control_system()")
_LOCK = sql("SELECT pg_advisory_xact_lock(hashtext('kabar.identity'))")
_HALTED = sql("""SELECT f.value, f.at FROM facts f JOIN pauses p ON p.campaign IS NULL AND p.channel IS NULL WHERE f.name = 'restored'""")
# What was released when the copy was made has most likely been sent by the original: as if a worker had claimed it and died.
LET_LAPSE = sql(
    """UPDATE messages SET status = 'sending', lease_until = released_at, fence = fence + 1, attempts = attempts + 1
       WHERE status = 'released'"""
)


class Why(StrEnum):
    RESTORED = "restored"  # by kabar db restore
    MOVED = "moved"  # another server, database or table than before
    STALE = "stale"  # nothing has been decided for long


@dataclass(frozen=True, slots=True)
class Halt:
    """Why everything is stopped until somebody has looked. of: the last sign of life before; at: when it was noticed."""

    why: Why
    of: datetime | None
    at: datetime

    @property
    def words(self) -> str:
        of = f"{self.of:%Y-%m-%d %H:%MZ}" if self.of else "an unknown time"
        return {
            Why.RESTORED: f"restored from a dump of {of}",
            Why.MOVED: f"this is another database than before: a copy or restored, its last sign of life is of {of}",
            Why.STALE: f"nothing was decided since {of}: a machine back after long, or an old copy",
        }[self.why]


async def recognise(connection: AsyncConnection, now: datetime, patience: timedelta) -> Halt | None:
    """Stops everything when this is not the database that Kabar last worked on, or when that was longer ago than `patience`."""
    found = await _look(connection, now, patience)
    if found.why is None:
        if not found.known:
            await adopt(connection, now)
        return None
    await run(connection, _LOCK)
    found = await _look(connection, now, patience)  # another process may have come first
    if found.why is None:
        return None
    if found.why is Why.MOVED:
        await run(connection, LET_LAPSE)
    halt = Halt(found.why, found.of, now)
    await adopt(connection, now)
    await ticks.set_fact(connection, RESTORED, {"why": halt.why.value, "of": halt.of.isoformat() if halt.of else None}, now)
    await versions.pause(connection, campaign=None, channel=None, reason=halt.words, by=BY, now=now)
    await ticks.record(connection, actor=BY, action="pause", detail={"reason": halt.words}, now=now)
    return halt


@dataclass(frozen=True, slots=True)
class _Look:
    """known: an identity is written down. why: a reason to stop."""

    here: str
    known: bool
    why: Why | None
    of: datetime | None


async def _look(connection: AsyncConnection, now: datetime, patience: timedelta) -> _Look:
    row = (await rows(connection, _LOOK))[0]
    here = await _here(connection, row)
    moved = row.known is not None and row.known != here
    stale = row.alive is not None and now - row.alive > patience
    return _Look(here, row.known is not None, Why.MOVED if moved else Why.STALE if stale else None, row.of)


async def _here(connection: AsyncConnection, row: Row[Any]) -> str:
    """`system/database/table`; `-` where the server does not tell everybody who it is."""
    system = (await rows(connection, _SYSTEM))[0].system_identifier if row.allowed else "-"
    return f"{system}/{row.here}"


async def adopt(connection: AsyncConnection, now: datetime) -> None:
    """From now on this is the database that Kabar works on."""
    row = (await rows(connection, _LOOK))[0]
    await ticks.set_fact(connection, IDENTITY, {"id": await _here(connection, row)}, now)


async def halted(connection: AsyncConnection) -> Halt | None:
    """While everything is stopped for it."""
    found = (await rows(connection, _HALTED))[:1]
    if not found:
        return None
    value, of = found[0].value, found[0].value.get("of")
    return Halt(Why(value["why"]), datetime.fromisoformat(of) if of else None, found[0].at)
