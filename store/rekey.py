"""Looking again at what waits: window keys that follow the newest rules and people's data, and wakes before their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.keys import KeyRules, by_segment, in_zone
from store.statements import JSON, LONGS, TEXTS, rows, run, sql
from store.tables import messages, people

# Said in the transaction that changed what keys follow; the transaction's number is what makes each word a new one.
ASK: Final = """
INSERT INTO facts (name, value, at) VALUES ('keys_asked', to_jsonb(CAST(pg_current_xact_id() AS text)), {now})
ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at"""
_ASK = sql(ASK.format(now=":now"))
_LOOK = sql(
    """SELECT (SELECT id FROM versions ORDER BY activated_at DESC, id DESC LIMIT 1) AS version,
              (SELECT value FROM facts WHERE name = 'freshness') AS progress,
              (SELECT value FROM facts WHERE name = 'keys_asked') AS asked"""
)
_REMEMBER = sql(
    """INSERT INTO facts (name, value, at) VALUES ('freshness', :progress, :now)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at""",
    progress=JSON,
)
# By person, since that is the index there is on what waits.
_PAGE = sql(
    """SELECT max(person_id) AS last FROM (SELECT person_id FROM messages WHERE status IN ('queued', 'deferred') AND person_id > :after
                                           ORDER BY person_id LIMIT :limit) waiting"""
)
# Rows that somebody else holds are on their way out: withdrawn with their campaign or a consent.
_WAKE_PAGE = sql(
    """WITH asleep AS MATERIALIZED (SELECT id FROM messages WHERE status = 'deferred' AND person_id > :after AND person_id <= :last
                                      AND split_part(reason, ':', 1) = ANY(:codes) FOR UPDATE SKIP LOCKED)
       UPDATE messages m SET status = 'queued', next_attempt_at = NULL FROM asleep WHERE m.id = asleep.id AND m.status = 'deferred'""",
    codes=TEXTS,
)
# What waits for a provider or an operator, not for a rule, keeps its time.
_REKEY = sql(
    """UPDATE messages m SET window_key = v.key,
              status = CASE WHEN m.status = 'deferred' AND split_part(m.reason, ':', 1) <> ALL(:codes) THEN 'deferred' ELSE 'queued' END,
              next_attempt_at = CASE WHEN split_part(m.reason, ':', 1) <> ALL(:codes) THEN m.next_attempt_at END
       FROM unnest(:ids, :keys) AS v(id, key) WHERE m.id = v.id AND m.status IN ('queued', 'deferred')""",
    ids=LONGS,
    keys=TEXTS,
    codes=TEXTS,
)
_RUNS = sql(
    """UPDATE runs r SET window_keys = ARRAY(SELECT DISTINCT unnest(r.window_keys || n.keys) ORDER BY 1)
       FROM (SELECT v.run_id, array_agg(DISTINCT v.key) AS keys FROM unnest(:runs, :keys) AS v(run_id, key) GROUP BY 1) n
       WHERE r.id = n.run_id AND NOT r.window_keys @> n.keys""",
    runs=LONGS,
    keys=TEXTS,
)


@dataclass(frozen=True, slots=True)
class Look:
    """version: in force, None before the first. progress: as remembered. asked: changes when what keys follow has changed."""

    version: int | None
    progress: Any
    asked: str | None


async def ask(connection: AsyncConnection, now: datetime) -> None:
    """What waits is to be looked at again, since people's data changed or messages came back with old keys."""
    await run(connection, _ASK, now=now)


async def look(connection: AsyncConnection) -> Look:
    return Look(**(await rows(connection, _LOOK))[0]._asdict())


async def remember(connection: AsyncConnection, progress: Any, now: datetime) -> None:
    await run(connection, _REMEMBER, progress=progress, now=now)


async def page(connection: AsyncConnection, after: int, limit: int) -> int | None:
    """The last person of the next page of about `limit` waiting messages; None when there is none left."""
    last = (await rows(connection, _PAGE, after=after, limit=limit))[0].last
    return None if last is None else int(last)


async def wake(connection: AsyncConnection, after: int, last: int, codes: Sequence[str]) -> int:
    """Queue what is deferred for one of these codes, of the people in (after, last]."""
    return await run(connection, _WAKE_PAGE, after=after, last=last, codes=list(codes))


async def rekey(connection: AsyncConnection, rules: KeyRules, after: int, last: int, codes: Sequence[str]) -> int:
    """Give what waits for people in (after, last] the key it has now, and wake what one of the codes held back under the old one."""
    old = messages.c.window_key
    key = in_zone(case((old.startswith("win:"), func.split_part(old, "@", 1)), else_=by_segment(rules)), rules)
    stale = (
        select(messages.c.id, messages.c.run_id, key.label("key"))
        .join_from(messages, people)
        .where(messages.c.status.in_(("queued", "deferred")), messages.c.person_id > after, messages.c.person_id <= last, old != key)
        .with_for_update(of=messages, skip_locked=True)
    )
    found = (await connection.execute(stale)).all()
    if found:
        keys = [row.key for row in found]
        await run(connection, _REKEY, ids=[row.id for row in found], keys=keys, codes=list(codes))
        await run(connection, _RUNS, runs=[row.run_id for row in found], keys=keys)
    return len(found)
