"""Keys of the HTTP face: made, found by their public part, used, revoked. What is kept of a secret is its hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import TEXTS, TIME, rows, run, sql

_COLUMNS = "id, name, hash, scopes, created_at, created_by, expires_at, last_used_at, revoked_at, revoked_by"
_ADD = sql(
    """INSERT INTO api_keys (id, name, hash, scopes, created_at, created_by, expires_at)
       VALUES (:id, :name, :hash, :scopes, :now, :by, :expires_at)
       ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING""",
    scopes=TEXTS,
    expires_at=TIME,
)
_FIND = sql(f"SELECT {_COLUMNS} FROM api_keys WHERE id = :id AND revoked_at IS NULL")
_ANY = sql("SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL) AS any")
_EVERY = sql(f"SELECT {_COLUMNS} FROM api_keys ORDER BY revoked_at IS NOT NULL, created_at, id")
_REVOKE = sql("UPDATE api_keys SET revoked_at = :now, revoked_by = :by WHERE name = :name AND revoked_at IS NULL RETURNING id")
_USED = sql(
    """UPDATE api_keys SET last_used_at = :now
       WHERE id = :id AND revoked_at IS NULL
         AND (last_used_at IS NULL OR last_used_at <= CAST(:now AS timestamptz) - interval '1 minute')"""
)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """hash: SHA-256 of the whole key."""

    id: str
    name: str
    hash: bytes
    scopes: Sequence[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


async def add(
    connection: AsyncConnection,
    *,
    key_id: str,
    name: str,
    digest: bytes,
    scopes: Sequence[str],
    by: str,
    expires_at: datetime | None,
    now: datetime,
) -> bool:
    """False when a key of this name is not revoked yet."""
    values = {"id": key_id, "name": name, "hash": digest, "scopes": list(scopes), "by": by, "expires_at": expires_at}
    return await run(connection, _ADD, **values, now=now) == 1


async def find(connection: AsyncConnection, key_id: str) -> StoredKey | None:
    """None when there is no such key, or it is revoked. An expired one is found."""
    found = await rows(connection, _FIND, id=key_id)
    return StoredKey(**found[0]._asdict()) if found else None


async def exist(connection: AsyncConnection) -> bool:
    """Whether there is any key that is not revoked."""
    return bool((await rows(connection, _ANY))[0].any)


async def every(connection: AsyncConnection) -> list[StoredKey]:
    """Those in force first, the older ones before."""
    return [StoredKey(**row._asdict()) for row in await rows(connection, _EVERY)]


async def revoke(connection: AsyncConnection, name: str, by: str, now: datetime) -> str | None:
    """The id of the key that was revoked; None when none of this name was in force."""
    found = await rows(connection, _REVOKE, name=name, by=by, now=now)
    return str(found[0].id) if found else None


async def used(connection: AsyncConnection, key_id: str, now: datetime) -> None:
    """Written once a minute at most, whatever number of processes say so."""
    await run(connection, _USED, id=key_id, now=now)
