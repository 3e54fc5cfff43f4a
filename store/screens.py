"""A person's screen: which pop-up may be shown on it next, and what the app told of those it showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store import changes
from store.statements import JSON, rows, run, sql
from store.suppressed import refused

# Two apps of one person that ask at once are answered one after the other.
_LOCK = sql("SELECT pg_advisory_xact_lock(hashtextextended('kabar.popups', :person))")
# Until when each pop-up keeps the others away: the gap after its last impression; as long as it may still be on the screen;
# and, of one that was given to an app which has not told of it yet, as if it were shown at the last moment it may be.
# A pop-up holds itself back until its own interval has passed, and from every device but the one it was given to while that one
# may be showing it: whoever asks without naming a device is taken for the same one.
# Everything that may have changed since a pop-up was put here is asked again: opt-out, consent to offers, pauses, priority.
_WAITING = sql(
    f"""WITH held AS MATERIALIZED (
         SELECT p.message_id, greatest(
             p.shown_at + CAST(:gap AS interval),
             CASE WHEN p.gone_at IS NULL OR p.gone_at < p.shown_at THEN p.shown_at + CAST(:on_screen AS interval) END,
             CASE WHEN p.closed_at IS NULL AND (p.shown_at IS NULL OR p.shown_at < p.offered_at)
                  THEN p.offered_at + CAST(:shows_within AS interval) + CAST(:gap AS interval) END) AS until
         FROM popups p
         WHERE p.person_id = :person
           AND (p.closed_at IS NULL OR p.shown_at > :now - greatest(CAST(:gap AS interval), CAST(:on_screen AS interval))))
       SELECT p.message_id, coalesce(c.priority, 0) AS priority, p.content, p.available_at, p.expires_at, r.campaign,
              m.status = 'sent' AS unfetched,
              (SELECT max(u.until) FROM (
                 SELECT h.until FROM held h WHERE h.message_id <> p.message_id
                 UNION ALL
                 SELECT p.shown_at + make_interval(secs => coalesce((p.content ->> 'min_interval_s')::int, 30))
                 UNION ALL
                 SELECT CASE WHEN p.shown_at IS NULL OR p.shown_at < p.offered_at THEN p.offered_at + CAST(:shows_within AS interval)
                             WHEN p.gone_at IS NULL OR p.gone_at < p.shown_at THEN p.shown_at + CAST(:on_screen AS interval) END
                 WHERE p.offered_to <> CAST(:device AS text)) AS u(until) WHERE u.until > :now) AS held_until
       FROM popups p JOIN messages m ON m.id = p.message_id JOIN runs r ON r.id = m.run_id JOIN people h ON h.id = p.person_id
       LEFT JOIN jsonb_to_recordset(:categories) AS c(name text, priority int, offer bool) ON c.name = m.category
       WHERE p.person_id = :person AND p.closed_at IS NULL AND p.expires_at > :now AND (p.retry_at IS NULL OR p.retry_at <= :now)
         AND coalesce(p.content ->> 'trigger', 'app_open') = :trigger
         AND NOT {refused("p.person_id", "m.channel")}
         AND (NOT coalesce(c.offer, true) OR h.consents -> m.channel -> 'marketing' = 'true')
         AND NOT EXISTS (SELECT FROM pauses q
                         WHERE coalesce(q.channel, m.channel) = m.channel AND coalesce(q.campaign, r.campaign) = r.campaign)
       ORDER BY priority DESC, p.expires_at, p.message_id""",
    categories=JSON,
)
_OFFERED = sql("UPDATE popups SET offered_at = :now, offered_to = :device WHERE message_id = :id AND closed_at IS NULL")
# Also one that is closed may be shown once more, by another device that was given it before.
_SHOWN = sql(
    """UPDATE popups SET shown_at = greatest(shown_at, CAST(:at AS timestamptz)),
              impressions = impressions + CASE WHEN closed_at IS NULL THEN 1 ELSE 0 END,
              closed_at = CASE WHEN closed_at IS NOT NULL THEN closed_at
                               WHEN impressions + 1 >= coalesce((content ->> 'max_impressions')::int, 1) THEN CAST(:now AS timestamptz) END
       WHERE message_id = :id"""
)
_GONE = sql(
    """UPDATE popups SET shown_at = coalesce(shown_at, CAST(:at AS timestamptz)), gone_at = greatest(gone_at, CAST(:at AS timestamptz)),
              closed_at = coalesce(closed_at, CAST(:now AS timestamptz))
       WHERE message_id = :id RETURNING person_id"""
)
_NOT_SHOWN = sql(
    """UPDATE popups SET retry_at = CAST(:retry_at AS timestamptz), offered_at = CASE WHEN offered_at > :at THEN offered_at END
       WHERE message_id = :id AND closed_at IS NULL"""
)


async def lock(connection: AsyncConnection, person_id: int) -> None:
    """Until the transaction ends nobody else is told what this person may be shown."""
    await rows(connection, _LOCK, person=person_id)


async def waiting(
    connection: AsyncConnection,
    person_id: int,
    trigger: str,
    device: str | None,
    *,
    categories: Sequence[Mapping[str, Any]],
    gap: timedelta,
    on_screen: timedelta,
    shows_within: timedelta,
    now: datetime,
) -> Sequence[Row[Any]]:
    """The pop-ups a person has open for a trigger of the app, the most important first, then earlier expiry, then earlier id.

    device:       whose app asks, by a name of its own making
    categories:   {name, priority, offer} each; of one that is not named nothing is allowed but what offers are
    gap:          between the impressions of two pop-ups
    on_screen:    a pop-up neither clicked nor dismissed may be visible so long after its last impression
    shows_within: an app that was given a pop-up shows it so soon, or not at all
    Rows: (message_id, priority, content, available_at, expires_at, campaign, unfetched, held_until), the last None when
    nothing stands in its way.
    """
    return await rows(
        connection,
        _WAITING,
        person=person_id,
        trigger=trigger,
        device=device,
        categories=list(categories),
        gap=gap,
        on_screen=on_screen,
        shows_within=shows_within,
        now=now,
    )


async def offered(connection: AsyncConnection, message_id: int, device: str | None, now: datetime) -> None:
    """An app was given it, and will show it."""
    await run(connection, _OFFERED, id=message_id, device=device, now=now)


async def shown(connection: AsyncConnection, message_id: int, at: datetime, now: datetime) -> None:
    """Consume one impression, made at `at`; the last one closes it."""
    await run(connection, _SHOWN, id=message_id, at=at, now=now)


async def gone(connection: AsyncConnection, message_id: int, at: datetime, now: datetime) -> None:
    """Clicked or dismissed at `at`: closed, and off the screen. It was seen, whether or not an impression was told. The screen is free."""
    await changes.tell(connection, {row.person_id for row in await rows(connection, _GONE, id=message_id, at=at, now=now)})


async def not_shown(connection: AsyncConnection, message_id: int, at: datetime, retry_at: datetime) -> None:
    """The app could not show it at `at`: others may go before it until `retry_at`."""
    await run(connection, _NOT_SHOWN, id=message_id, at=at, retry_at=retry_at)
