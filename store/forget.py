"""Erasing one person: what names them goes, what was done stays without a name. Every statement may be run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store import changes
from store.erased import MARK, PSEUDONYM, address, customer, digest
from store.statements import TEXTS, TIME, rows, run, sql
from store.suppressed import key

# In this order whoever erases: an import under way ends first, and so does planning, which would address the person once more.
_LOCKS = (sql("SELECT pg_advisory_xact_lock(7261)"), sql("SELECT pg_advisory_xact_lock(hashtext('kabar.keys'))"))
_PERSON = sql("SELECT id, customer_no, name FROM people WHERE customer_no = :customer_no AND forgotten_at IS NULL FOR UPDATE")
_BY_KEY = sql(f"SELECT customer_no FROM people p WHERE forgotten_at IS NULL AND {customer('p.customer_no')} = :key")
_BURY = sql(
    f"""INSERT INTO tombstones (key, person_id, forgotten_at, forgotten_by, reason)
        VALUES ({customer("CAST(:customer_no AS text)")}, :person, :now, :by, :reason)
        ON CONFLICT (key) WHERE readmitted_at IS NULL DO NOTHING RETURNING id"""
)
_BURY_NOBODY = sql(
    """INSERT INTO tombstones (key, forgotten_at, forgotten_by, reason) VALUES (:key, :at, :by, :reason)
       ON CONFLICT (key) WHERE readmitted_at IS NULL DO NOTHING RETURNING id""",
    at=TIME,
)
_READMIT = sql(
    f"""UPDATE tombstones SET readmitted_at = :now, readmitted_by = :by, readmit_reason = :reason
        WHERE key = {customer("CAST(:customer_no AS text)")} AND readmitted_at IS NULL RETURNING id"""
)
_TOMBSTONES = sql("SELECT key, forgotten_at, forgotten_by, reason FROM tombstones WHERE readmitted_at IS NULL ORDER BY id")
_RECENT = sql(
    """SELECT id, person_id FROM tombstones WHERE id > :after AND forgotten_at > :since AND person_id IS NOT NULL
       ORDER BY id LIMIT :limit"""
)

_EVIDENCE = sql(
    """INSERT INTO permissions (person_id, recorded_at, source, timezone, contact_hours, consents)
       SELECT id, created_at, 'import', timezone, contact_hours, consents FROM people
       WHERE id = :person AND forgotten_at IS NULL AND NOT EXISTS (SELECT FROM permissions h WHERE h.person_id = :person)"""
)
_NAMELESS = sql(
    f"""UPDATE people SET customer_no = '{PSEUDONYM}' || id, name = '', locale = 'id', timezone = NULL, portfolio_value = NULL,
               trades_last_month = NULL, last_trade_on = NULL, birthday = NULL, contact_hours = NULL, hours_chosen_at = NULL,
               consents = '{{}}', attributes = '{{}}', updated_at = :now, forgotten_at = :now
        WHERE id = :person AND forgotten_at IS NULL"""
)
# An address that somebody else has, too, is theirs: what was said of it stays readable.
_THEIRS = f"""SELECT a.sort, {key("a")} AS value, {address("a")} AS hash FROM addresses a
              WHERE a.person_id = :person AND a.value NOT LIKE '{MARK}%'
                AND NOT EXISTS (SELECT FROM addresses o WHERE o.sort = a.sort AND {key("o")} = {key("a")} AND o.person_id <> :person)"""
_TWINS = sql(
    f"""DELETE FROM suppressions x USING ({_THEIRS}) t, suppressions hashed
        WHERE x.sort = t.sort AND x.value = t.value AND x.lifted_at IS NULL AND hashed.value = t.hash AND hashed.sort = t.sort
          AND hashed.kind = x.kind AND hashed.channel IS NOT DISTINCT FROM x.channel AND hashed.lifted_at IS NULL"""
)
_HIDE_WORDS = sql(f"UPDATE suppressions x SET value = t.hash FROM ({_THEIRS}) t WHERE x.sort = t.sort AND x.value = t.value")
_CLEAN = """CASE WHEN {0} LIKE 'receipt:%' AND {0} NOT LIKE 'receipt:{1}%' THEN 'receipt:' || {2}
                 ELSE regexp_replace({0}, CAST(:name AS text), '***', 'gi') END"""
_CLEAN_WORDS = sql(
    f"""UPDATE suppressions x SET evidence = {_CLEAN.format("evidence", MARK, digest("substr(evidence, 9)"))},
               lift_evidence = {_CLEAN.format("lift_evidence", MARK, digest("substr(lift_evidence, 9)"))}
        WHERE x.person_id = :person OR x.value IN (SELECT {key("a")} FROM addresses a WHERE a.person_id = :person AND a.sort = x.sort)"""
)
_TWIN_ADDRESSES = sql(
    f"""DELETE FROM addresses a USING addresses b
        WHERE a.person_id = :person AND b.person_id = :person AND a.sort = b.sort AND a.id > b.id AND {key("a")} = {key("b")}"""
)
_HIDE_ADDRESSES = sql(
    f"""UPDATE addresses a SET value = {address("a")}, platform = NULL, listed = false, learned_at = NULL, evidence = NULL
        WHERE a.person_id = :person AND a.value NOT LIKE '{MARK}%'"""
)
_CANCEL = sql(
    """UPDATE messages SET status = 'cancelled', reason = 'forgotten', settled_at = :now, next_attempt_at = NULL
       WHERE person_id = :person AND status IN ('queued', 'deferred', 'released')"""
)
_CANCEL_CARRIED = sql(
    """UPDATE messages m SET status = 'cancelled', reason = 'forgotten', settled_at = :now
       FROM messages c WHERE c.person_id = :person AND c.status = 'cancelled' AND m.carrier_id = c.id AND m.status = 'merged'"""
)
# Whoever is sending it answers with an older fence, and nothing of that answer is written to the message.
_LET_GO = sql(
    """UPDATE messages SET status = 'unknown', reason = 'forgotten', fence = fence + 1, lease_until = NULL, sent_at = released_at,
              settled_at = :now, doubted_at = :now
       WHERE person_id = :person AND status = 'sending'"""
)
_CLOSE_POPUPS = sql("UPDATE popups SET content = '{}', closed_at = :now WHERE person_id = :person AND closed_at IS NULL")
_STOP_EVENTS = sql("UPDATE events SET planned_at = :now WHERE person_id = :person AND planned_at IS NULL")

TELLING = 12  # characters: a shorter id of a provider may stand in anything
_OWN_MESSAGES = "SELECT id FROM messages WHERE person_id = :person"
_TRACES = (
    sql(
        """UPDATE messages SET trail = '[]', provider_id = NULL, escalates = false
           WHERE person_id = :person AND (trail <> '[]' OR provider_id IS NOT NULL OR escalates)"""
    ),
    sql(f"UPDATE attempts SET provider_id = NULL WHERE message_id IN ({_OWN_MESSAGES}) AND provider_id IS NOT NULL"),
    sql(
        f"""UPDATE interactions SET event_id = {digest("event_id")},
                   detail = CASE WHEN kind IN ('replied', 'opted_out', 'opted_in', 'moved') THEN NULL ELSE detail END
            WHERE (person_id = :person OR message_id IN ({_OWN_MESSAGES})) AND event_id NOT LIKE '{MARK}%'"""
    ),
    sql(f"UPDATE popups SET content = '{{}}', offered_to = NULL WHERE message_id IN ({_OWN_MESSAGES}) AND content <> '{{}}'"),
    sql(f"""UPDATE events SET data = '{{}}', event_id = {digest("event_id")} WHERE person_id = :person AND event_id NOT LIKE '{MARK}%'"""),
    sql("DELETE FROM popup_tests WHERE person_id = :person"),
    sql("DELETE FROM holds WHERE person_id = :person"),
    sql("DELETE FROM reached WHERE person_id = :person"),
    sql(f"DELETE FROM suspicions WHERE message_id IN ({_OWN_MESSAGES})"),
)
_NEEDLES = sql("SELECT value FROM addresses WHERE person_id = :person AND value NOT LIKE 'erased:%' ORDER BY id")
_MESSAGE_IDS = sql(f"{_OWN_MESSAGES} ORDER BY id")
# A pop-up's is our own key, which begins other people's, too; keys are looked for as such.
_THEIR_OWN = f"length(provider_id) >= {TELLING} AND provider_id NOT LIKE 'kabar-%'"
_PROVIDER_IDS = sql(
    f"""SELECT provider_id FROM messages WHERE person_id = :person AND {_THEIR_OWN}
        UNION SELECT provider_id FROM attempts WHERE message_id IN ({_OWN_MESSAGES}) AND {_THEIR_OWN}"""
)
# As they came, and applied long since: kept for looking at trouble, which is no reason to keep a person. One that was set aside was
# read by nobody: it is theirs also by the provider's id alone, or with the address broken over two lines of quoted-printable.
_RECEIPTS = sql(
    """UPDATE receipts SET body = '', error = NULL WHERE id IN (
         SELECT r.id FROM receipts r CROSS JOIN LATERAL (SELECT encode(r.body, 'escape') AS words) b
         WHERE r.id > :after AND r.applied_at IS NOT NULL
           AND (b.words ~* :pattern
                OR (r.error IS NOT NULL
                    AND (regexp_replace(b.words, E'=\\r?\\n', '', 'g') ~* :pattern
                         OR EXISTS (SELECT FROM unnest(:provider_ids) AS p(id) WHERE strpos(b.words, p.id) > 0)))))""",
    provider_ids=TEXTS,
)
_LAST_RECEIPT = sql("SELECT coalesce(max(id), 0) AS id FROM receipts")


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    customer_no: str
    name: str


@dataclass(frozen=True, slots=True)
class Stone:
    """A tombstone as it is taken away and set again. key: of the customer number."""

    key: str
    forgotten_at: datetime
    forgotten_by: str
    reason: str


async def lock(connection: AsyncConnection) -> None:
    """Until the transaction ends nobody is imported or planned for; waits for whoever is at it."""
    for statement in _LOCKS:
        await rows(connection, statement)


async def person(connection: AsyncConnection, customer_no: str) -> Person | None:
    """Locked until the transaction ends; None when nobody, or nobody any more, has this number."""
    found = await rows(connection, _PERSON, customer_no=customer_no)
    return Person(**found[0]._asdict()) if found else None


async def number_of(connection: AsyncConnection, tombstone_key: str) -> str | None:
    """The customer number of a key; looks at everybody."""
    found = await rows(connection, _BY_KEY, key=tombstone_key)
    return str(found[0].customer_no) if found else None


async def bury(connection: AsyncConnection, whom: Person, *, by: str, reason: str, now: datetime) -> int:
    """Set a tombstone; its id."""
    [row] = await rows(connection, _BURY, customer_no=whom.customer_no, person=whom.id, by=by, reason=reason, now=now)
    return int(row.id)


async def bury_nobody(connection: AsyncConnection, stone: Stone) -> bool:
    """A tombstone for somebody who is not here. False when there is one already."""
    return bool(await rows(connection, _BURY_NOBODY, key=stone.key, at=stone.forgotten_at, by=stone.forgotten_by, reason=stone.reason))


async def readmit(connection: AsyncConnection, customer_no: str, *, by: str, reason: str, now: datetime) -> int | None:
    """The id of the tombstone that holds no more; None when none did."""
    found = await rows(connection, _READMIT, customer_no=customer_no, by=by, reason=reason, now=now)
    return int(found[0].id) if found else None


async def stones(connection: AsyncConnection) -> list[Stone]:
    """Those in force, the oldest first."""
    return [Stone(**row._asdict()) for row in await rows(connection, _TOMBSTONES)]


async def recent(connection: AsyncConnection, since: datetime, after: int, limit: int) -> list[tuple[int, int]]:
    """(tombstone, person) of the people forgotten since, by tombstones behind `after`."""
    return [(row.id, row.person_id) for row in await rows(connection, _RECENT, since=since, after=after, limit=limit)]


async def erase(connection: AsyncConnection, person_id: int, name: str, now: datetime) -> int:
    """The person, the addresses, and what still waits for them or is under way. name: a pattern, for evidence that names them.

    How many messages were stopped.
    """
    await run(connection, _EVIDENCE, person=person_id)
    await run(connection, _NAMELESS, person=person_id, now=now)
    for statement in (_TWINS, _HIDE_WORDS, _TWIN_ADDRESSES, _HIDE_ADDRESSES):
        await run(connection, statement, person=person_id)
    await run(connection, _CLEAN_WORDS, person=person_id, name=name)
    stopped = 0
    for statement in (_CANCEL, _CANCEL_CARRIED, _LET_GO):
        stopped += await run(connection, statement, person=person_id, now=now)
    for statement in (_CLOSE_POPUPS, _STOP_EVENTS):
        await run(connection, statement, person=person_id, now=now)
    await changes.tell(connection, [person_id])
    return stopped


async def erase_traces(connection: AsyncConnection, person_id: int) -> int:
    """In what is over. How many rows."""
    return sum([await run(connection, statement, person=person_id) for statement in _TRACES])


@dataclass(frozen=True, slots=True)
class Needles:
    """By what a stored receipt is known to be somebody's."""

    addresses: Sequence[str]
    messages: Sequence[int]
    provider_ids: Sequence[str]


async def needles(connection: AsyncConnection, person_id: int) -> Needles:
    addresses = [row.value for row in await rows(connection, _NEEDLES, person=person_id)]
    messages = [row.id for row in await rows(connection, _MESSAGE_IDS, person=person_id)]
    return Needles(addresses, messages, [row.provider_id for row in await rows(connection, _PROVIDER_IDS, person=person_id)])


async def blank_receipts(connection: AsyncConnection, pattern: str, provider_ids: Sequence[str], after: int) -> int:
    """Applied ones of a higher id; the highest there is."""
    last = int((await rows(connection, _LAST_RECEIPT))[0].id)
    await run(connection, _RECEIPTS, pattern=pattern, provider_ids=list(provider_ids), after=after)
    return last
