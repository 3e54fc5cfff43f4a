"""Breaches, each by the SQL that plants it in a copy of the weekend: name → (statements, its kind, the word it is told with)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from store.breaches import Kind
from tests.audit.played import CONTROL, OTHER, SOMEBODY, another, change, message, move

Plant = tuple[Sequence[str], Kind, str | None]

WHOM = f"(SELECT id FROM people WHERE customer_no = '{SOMEBODY}')"
PHONE = f"(SELECT min(id) FROM addresses WHERE sort = 'push' AND person_id = {WHOM})"


def agreed(path: str, value: str) -> str:
    """Other consents than there were."""
    return f"UPDATE people SET consents = jsonb_set(consents, '{path}', '{value}') WHERE id = {WHOM}"


def wants(hours: str) -> str:
    return f"UPDATE people SET contact_hours = '{hours}' WHERE id = {WHOM}"


def told(name: str, kind: str, clock: str) -> str:
    """Moves what the app told of a pop-up."""
    return f"UPDATE interactions SET at = '2026-11-20 {clock}+07' WHERE kind = '{kind}' AND message_id = {message(name, 'popup')}"


EARLY = "Mon-Fri 06:00-22:00; Sat 09:00-11:00"
STOP = f"""INSERT INTO suppressions (kind, person_id, channel, at, recorded_at, source, evidence)
    VALUES ('opt_out', {WHOM}, 'whatsapp', '2026-11-20 20:00+07', '2026-11-20 20:00+07', 'receipt', 'STOP')"""
SPAM = f"""INSERT INTO suppressions (kind, sort, value, channel, at, recorded_at, source, evidence)
    SELECT 'complaint', sort, value, 'whatsapp', '2026-11-20 20:00+07', '2026-11-20 20:00+07', 'import', 'list' FROM addresses
    WHERE sort = 'phone' AND person_id = {WHOM}"""
EDITED = another("offer", "whatsapp", "2026-11-29 10:00", run='{"content_hash": "edited"}', expires_at="2027-01-01T00:00Z")
SAID_SO = {"released_at": "timestamptz '2026-11-21 12:05+07'", "sent_at": "timestamptz '2026-11-21 12:05+07'", "attempts": "1"}
PERMISSION: Mapping[str, Plant] = {
    "outside the window": ([move("class", "push", "2026-11-20 15:00")], Kind.WINDOW, "seg:regular"),
    "in hours the person does not want": ([wants(EARLY)], Kind.CONTACT_HOURS, EARLY),
    "an offer outside the lawful hours": (
        [agreed("{whatsapp,hours}", "null"), move("offer", "whatsapp", "2026-11-21 19:30")],
        Kind.UNLAWFUL_HOURS,
        "none",
    ),
    "an offer without consent": ([agreed("{whatsapp,marketing}", "false")], Kind.CONSENT, "promo"),
    "an offer after an opt-out": ([STOP], Kind.OPTED_OUT, "promo"),
    "an offer to an address that complained": ([SPAM], Kind.OPTED_OUT, "promo"),
    "content nobody approved": ([EDITED], Kind.NOT_APPROVED, "promo"),
    "to the control group": ([change("choice", "whatsapp", CONTROL, status="'sent'", **SAID_SO)], Kind.CONTROL, "choice"),
}

DAYS = ("22", "23", "24", "25", "26")
OVERLAP: Mapping[str, Plant] = {
    "closer than the gap": ([move("choice", "whatsapp", "2026-11-21 11:00")], Kind.GAP, "fees"),
    "the same topic": ([another("class", "popup", "2026-11-22 19:30")], Kind.TOPIC, "class"),
    "the topic of what a digest carried": ([change("note-b", "email", topic="'fees'")], Kind.TOPIC, "fees"),
    "over the cap of a channel a day": (
        [another("class", "push", f"2026-11-23 {clock}", topic=None) for clock in ("19:00", "21:15")],
        Kind.CAP,
        "push:1/day",
    ),
    "over the rolling cap of a channel": ([another("choice", "whatsapp", "2026-11-26 19:00", topic=None)], Kind.CAP, "whatsapp:2/168h"),
    "over the cap of a category a week": ([another("offer", "whatsapp", "2026-11-22 18:00", channel="popup")], Kind.CAP, "promo:1/week"),
    "over the cap of all a month": (
        [another("class", "push", f"2026-11-{day} 19:30", topic=None) for day in DAYS],
        Kind.CAP,
        "all:8/month",
    ),
    "over the rolling cap of all": ([another("class", "push", "2026-11-21 14:30", topic=None)], Kind.CAP, "all:4/24h"),
    "over the cap of a category on a channel": (
        [another("class", "push", "2026-11-24 19:00", topic=None, channel="email")],
        Kind.CAP,
        "email+reminder:0/day",
    ),
}

NEWER = f"INSERT INTO addresses (person_id, sort, kind, value) VALUES ({WHOM}, 'push', 'token', 'a newer phone')"
OTHERS = f"(SELECT a.id FROM addresses a JOIN people p ON p.id = a.person_id WHERE p.customer_no = '{OTHER}' AND a.sort = 'push')"
DEAD = f"""INSERT INTO suppressions (kind, sort, value, at, recorded_at, source, evidence)
    SELECT 'address', sort, value, '2026-11-20 12:00+07', '2026-11-20 12:00+07', 'provider', 'x' FROM addresses WHERE id = {PHONE}"""
STOPPED = "INSERT INTO pauses (reason, set_by, set_at) VALUES ('x', 'qa', '2026-11-21 12:01+07')"
STOPPED_AND_LIFTED = """INSERT INTO audit_log (id, prev_hash, hash, at, actor, action, detail) VALUES
    (1001, 'a', 'b', '2026-11-20 19:01+07', 'qa', 'pause', '{"campaign": "class", "channel": "push", "reason": "x", "new": true}'),
    (1002, 'b', 'c', '2026-11-20 19:03+07', 'qa', 'resume', '{"campaign": "class", "lifted": ["campaign class on channel push"]}')"""
AGAIN = f"""INSERT INTO attempts (message_id, address_id, at, outcome)
    SELECT message_id, address_id, at, outcome FROM attempts WHERE message_id = {message("choice", "whatsapp")}"""
BOTH = f"""INSERT INTO attempts (message_id, address_id, at, outcome)
    SELECT message_id, {PHONE}, at, outcome FROM attempts WHERE message_id = {message("choice", "whatsapp")}"""
READ = f"""INSERT INTO interactions (event_id, message_id, person_id, kind, at, known_at)
    VALUES ('x', {message("alert", "whatsapp")}, {WHOM}, 'read', '2026-11-20 22:45+07', '2026-11-20 22:46+07')"""
CONDUCT: Mapping[str, Plant] = {
    "worthless when it went": ([change("class", "push", expires_at="released_at - interval '1 minute'")], Kind.LATE, None),
    "worthless when it was carried": ([change("note-b", "email", expires_at="timestamptz '2026-11-20 19:30+07'")], Kind.LATE, None),
    "after it had waited too long": ([change("choice", "whatsapp", queue_until="released_at - interval '1 hour'")], Kind.IMPATIENT, None),
    "without any address": ([f"DELETE FROM addresses WHERE id = {PHONE}"], Kind.NO_ADDRESS, "push"),
    "to an address that was dropped": (
        [NEWER, DEAD],
        Kind.WRONG_ADDRESS,
        "dropped",
    ),
    "to an address of somebody else": (
        [f"UPDATE attempts SET address_id = {OTHERS} WHERE message_id = {message('class', 'push')}"],
        Kind.WRONG_ADDRESS,
        "of another customer",
    ),
    "while everything is stopped": ([STOPPED, move("choice", "whatsapp", "2026-11-21 12:05")], Kind.PAUSED, "everything"),
    "while it was stopped": ([STOPPED_AND_LIFTED, move("class", "push", "2026-11-20 19:02")], Kind.PAUSED, "class on push"),
    "accepted twice": ([AGAIN], Kind.TWICE, "2 times"),
    "on a second channel of a choice": (
        [another("choice", "whatsapp", "2026-11-21 12:01", same_run=True, channel="push")],
        Kind.TWO_CHANNELS,
        "whatsapp",
    ),
    "one message by two channels of a choice": ([BOTH], Kind.BOTH_WAYS, "phone and push"),
    "after the first was read": ([READ], Kind.ANSWERED, "read"),
    "sooner than its campaign says": ([move("alert", "email", "2026-11-20 23:00")], Kind.HASTY, "01:00:00"),
}

NEVER_WENT = [change("note-b", "email", settled_at="now()"), change("note-a", "email", status="'failed'")]
DIGESTS: Mapping[str, Plant] = {
    "carried by nothing": ([change("note-b", "email", carrier_id="NULL")], Kind.NOT_CARRIED, "no carrier"),
    "carried by what never went": (NEVER_WENT, Kind.NOT_CARRIED, "carrier failed"),
    "carried to somebody else": (
        [change("note-b", "email", carrier_id=message("note-a", "email", OTHER))],
        Kind.WRONG_CARRIER,
        "of another customer",
    ),
    "carried by another channel": ([change("note-b", "email", channel="'push'")], Kind.WRONG_CARRIER, "by another channel"),
    "carried by another category": (
        [change("note-b", "email", category="'reminder'")],
        Kind.WRONG_CARRIER,
        "of another category, of a category without digest",
    ),
    "carried by what was queued long before": (
        [change("note-b", "email", queued_at="queued_at + interval '13 hours'")],
        Kind.WRONG_CARRIER,
        "queued too far apart",
    ),
}
CLOSE = [told("class", "dismissed", "19:05:20"), told("app", "read", "19:06:00")]
SCREENS: Mapping[str, Plant] = {
    "two pop-ups too close": (CLOSE, Kind.POPUP_GAP, None),
    "two pop-ups at once": ([told("class", "dismissed", "19:09:00"), told("app", "read", "19:08:00")], Kind.TWO_POPUPS, None),
}
EVERY: Mapping[str, Plant] = {**PERMISSION, **OVERLAP, **CONDUCT, **DIGESTS, **SCREENS}
