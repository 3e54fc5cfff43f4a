"""Everything that is held about one person, as it is stored: what they may ask to see."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql
from store.suppressed import key

_OWN = "(SELECT id FROM messages WHERE person_id = :person)"
_PERSON = sql(
    "SELECT id, to_jsonb(p) - 'id' - 'forgotten_at' AS held FROM people p WHERE customer_no = :customer_no AND forgotten_at IS NULL"
)
_PARTS = {
    name: sql(f"SELECT {what} AS held FROM {source}")
    for name, what, source in (
        ("addresses", "to_jsonb(a) - 'id' - 'person_id'", "addresses a WHERE a.person_id = :person ORDER BY a.id"),
        ("permissions", "to_jsonb(h) - 'id' - 'person_id'", "permissions h WHERE h.person_id = :person ORDER BY h.id"),
        (
            "suppressions",
            "to_jsonb(x) - 'id' - 'person_id'",
            f"""suppressions x WHERE x.person_id = :person OR EXISTS (SELECT FROM addresses a
                WHERE a.person_id = :person AND a.sort = x.sort AND {key("a")} = x.value) ORDER BY x.id""",
        ),
        ("events", "to_jsonb(e) - 'person_id'", "events e WHERE e.person_id = :person ORDER BY e.id"),
        (
            "messages",
            "to_jsonb(m) - 'person_id' || jsonb_build_object('campaign', r.campaign, 'occurrence', r.occurrence)",
            "messages m JOIN runs r ON r.id = m.run_id WHERE m.person_id = :person ORDER BY m.id",
        ),
        ("attempts", "to_jsonb(t) - 'id'", f"attempts t WHERE t.message_id IN {_OWN} ORDER BY t.id"),
        (
            "interactions",
            "to_jsonb(i) - 'person_id'",
            f"interactions i WHERE i.person_id = :person OR i.message_id IN {_OWN} ORDER BY i.at, i.event_id",
        ),
        ("popups", "to_jsonb(u) - 'person_id'", f"popups u WHERE u.message_id IN {_OWN} ORDER BY u.message_id"),
        ("popup_tests", "to_jsonb(u) - 'person_id'", "popup_tests u WHERE u.person_id = :person ORDER BY u.id"),
        ("holds", "to_jsonb(h) - 'person_id'", "holds h WHERE h.person_id = :person ORDER BY h.channel, h.scope"),
        ("reached", "to_jsonb(h) - 'person_id'", "reached h WHERE h.person_id = :person ORDER BY h.channel"),
        ("suspicions", "to_jsonb(s)", f"suspicions s WHERE s.message_id IN {_OWN} ORDER BY s.at"),
    )
}


async def dossier(connection: AsyncConnection, customer_no: str) -> dict[str, Any] | None:
    """Table → its rows about the person, every column of them; None when there is no such customer."""
    found = await rows(connection, _PERSON, customer_no=customer_no)
    if not found:
        return None
    parts = {name: [row.held for row in await rows(connection, part, person=found[0].id)] for name, part in _PARTS.items()}
    return {"person": found[0].held, **parts}
