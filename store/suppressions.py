"""The suppression list as it grows and shrinks by the words of people and providers. What it means is in store/suppressed.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from store.erased import stored
from store.statements import LONGS, TEXTS, rows, run, sql
from store.suppressed import key

Word = Literal["opt_out", "complaint"]

CUSTOMER = "customer"  # who lifts what people take back themselves


class Source(StrEnum):
    """Where a suppression came from."""

    PROVIDER = "provider"  # the answer to a message
    RECEIPT = "receipt"  # what a provider told later
    BOUNCE = "bounce"  # a mail that came back
    REPORT = "report"  # a complaint by way of the person's own mail provider
    MAIL = "mail"  # a mail to the unsubscribe address
    ONE_CLICK = "one-click"
    PREFERENCES = "preferences"
    OPERATOR = "operator"
    IMPORT = "import"


# In one order whoever writes, so that two who say the same things wait for each other instead of both.
_SPEAK = sql(
    """INSERT INTO suppressions (kind, channel, person_id, at, recorded_at, source, code, evidence)
       SELECT :kind, v.channel, v.person, :now, :now, :source, v.code, v.evidence
       FROM unnest(:people, :channels, :codes, :evidence) AS v(person, channel, code, evidence) ORDER BY v.person, v.channel
       ON CONFLICT (person_id, channel, kind) WHERE lifted_at IS NULL AND person_id IS NOT NULL DO NOTHING""",
    people=LONGS,
    channels=TEXTS,
    codes=TEXTS,
    evidence=TEXTS,
)
_SPEAK_OF = sql(
    f"""INSERT INTO suppressions (kind, channel, sort, value, at, recorded_at, source, evidence)
        SELECT :kind, a.channel, a.sort, {stored("a")}, :now, :now, :source, a.evidence
        FROM unnest(:sorts, :values, :channels, :evidence) AS a(sort, value, channel, evidence) ORDER BY 4, 3
        ON CONFLICT (value, sort, channel, kind) WHERE lifted_at IS NULL AND kind <> 'address' AND value IS NOT NULL DO NOTHING""",
    sorts=TEXTS,
    values=TEXTS,
    channels=TEXTS,
    evidence=TEXTS,
)
_HAVE = sql(
    f"""SELECT DISTINCT a.person_id, v.channel FROM unnest(:sorts, :values, :channels) AS v(sort, value, channel)
        JOIN addresses a ON a.sort = v.sort AND {key("a")} = {key("v")}""",
    sorts=TEXTS,
    values=TEXTS,
    channels=TEXTS,
)
_INTO_DEAD = "INSERT INTO suppressions (kind, sort, value, at, recorded_at, source, code, evidence)"
_DEAD_ALREADY = "ON CONFLICT (value, sort) WHERE lifted_at IS NULL AND kind = 'address' DO NOTHING"
_DROP = sql(
    f"""{_INTO_DEAD} SELECT 'address', a.sort, {stored("a")}, :now, :now, :source, a.code, a.evidence
        FROM unnest(:sorts, :values, :codes, :evidence) AS a(sort, value, code, evidence) ORDER BY 3, 2 {_DEAD_ALREADY}""",
    sorts=TEXTS,
    values=TEXTS,
    codes=TEXTS,
    evidence=TEXTS,
)
_DROP_BY_ID = sql(
    f"""{_INTO_DEAD} SELECT 'address', a.sort, {key("a")}, :now, :now, :source, v.code, v.evidence
        FROM unnest(:ids, :codes, :evidence) AS v(id, code, evidence) JOIN addresses a ON a.id = v.id ORDER BY 3, 2 {_DEAD_ALREADY}""",
    ids=LONGS,
    codes=TEXTS,
    evidence=TEXTS,
)
_TAKE_BACK = sql(
    f"""WITH spoken AS MATERIALIZED (SELECT * FROM unnest(:people, :channels, :evidence) AS v(person, channel, evidence)),
        theirs AS MATERIALIZED (
          SELECT x.id, s.evidence FROM spoken s
          JOIN suppressions x ON x.person_id = s.person AND x.channel = s.channel AND x.lifted_at IS NULL
          UNION
          SELECT x.id, s.evidence FROM spoken s JOIN addresses a ON a.person_id = s.person
          JOIN suppressions x ON x.value = {key("a")} AND x.sort = a.sort AND x.kind <> 'address' AND x.channel = s.channel
           AND x.lifted_at IS NULL)
        UPDATE suppressions x SET lifted_at = :now, lifted_by = '{CUSTOMER}', lift_evidence = t.evidence
        FROM theirs t WHERE x.id = t.id AND x.lifted_at IS NULL""",
    people=LONGS,
    channels=TEXTS,
    evidence=TEXTS,
)


async def speak(
    connection: AsyncConnection, kind: Word, people: Sequence[tuple[int, str, str]], now: datetime, source: Source, code: str | None = None
) -> int:
    """(person id, channel, evidence) each; a second word of the same kind changes nothing. How many were new.

    Raises IntegrityError for nobody's id.
    """
    if not people:
        return 0
    ids, channels, evidence = (list(column) for column in zip(*people, strict=True))
    codes = [code] * len(ids)
    return await run(connection, _SPEAK, kind=kind, people=ids, channels=channels, codes=codes, evidence=evidence, source=source, now=now)


async def speak_of(
    connection: AsyncConnection, kind: Word, said: Sequence[tuple[str, str, str, str]], now: datetime, source: Source
) -> list[tuple[int, str]]:
    """(sort, address, channel, evidence) each: a word that holds for whoever has the address. The (person id, channel) it meets now."""
    sorts, values, channels, evidence = (list(column) for column in zip(*said, strict=True))
    await run(connection, _SPEAK_OF, kind=kind, sorts=sorts, values=values, channels=channels, evidence=evidence, source=source, now=now)
    return [(row.person_id, row.channel) for row in await rows(connection, _HAVE, sorts=sorts, values=values, channels=channels)]


async def drop(connection: AsyncConnection, dead: Sequence[tuple[str, str, str, str]], now: datetime, source: Source) -> int:
    """(sort, address, the provider's code, evidence) each, whether or not a customer has the address. How many were new."""
    if not dead:
        return 0
    sorts, values, codes, evidence = (list(column) for column in zip(*dead, strict=True))
    return await run(connection, _DROP, sorts=sorts, values=values, codes=codes, evidence=evidence, source=source, now=now)


async def drop_by_id(connection: AsyncConnection, dead: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """(address id, the provider's code, evidence) each, by the answer to a message."""
    if dead:
        ids, codes, evidence = (list(column) for column in zip(*dead, strict=True))
        await run(connection, _DROP_BY_ID, ids=ids, codes=codes, evidence=evidence, source=Source.PROVIDER, now=now)


async def take_back(connection: AsyncConnection, people: Sequence[tuple[int, str, str]], now: datetime) -> int:
    """(person id, channel, evidence) each: their own word again, which lifts opt-outs and complaints there. How many it lifted."""
    if not people:
        return 0
    ids, channels, evidence = (list(column) for column in zip(*people, strict=True))
    return await run(connection, _TAKE_BACK, people=ids, channels=channels, evidence=evidence, now=now)
