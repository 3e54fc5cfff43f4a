"""Who a webhook speaks of: by phone number, and by the business-scoped user id of those who may hide the number.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from channels import loose
from channels.alias import Alias

Json = Mapping[str, object]
_PHONES = ("from", "wa_id", "recipient_id")
_USER_IDS = ("from_user_id", "user_id", "recipient_user_id")
_USER_ID = re.compile(r"[A-Z]{2}\.[\w.-]{1,128}")


def phone(item: Json) -> str | None:
    """In E.164, as we store it."""
    found = next((loose.text(item.get(name)) for name in _PHONES if loose.text(item.get(name))), "")
    digits = found.removeprefix("+")
    return f"+{digits}" if digits.isascii() and digits.isdigit() else None


def user_id(item: Json, contacts: Sequence[Json] = ()) -> str | None:
    """Its own, else that of the contact with the same number, else that of the only contact there is."""
    own = next((found for name in (*_USER_IDS, *_PHONES) if _USER_ID.fullmatch(found := loose.text(item.get(name)))), None)
    number = phone(item)
    same = [contact for contact in contacts if phone(contact) == number] if number else contacts if len(contacts) == 1 else ()
    return own or next((found for contact in same if _USER_ID.fullmatch(found := loose.text(contact.get("user_id")))), None)


def address(item: Json, contacts: Sequence[Json]) -> str | None:
    """The phone number; for those who hide it, the user id."""
    return phone(item) or user_id(item, contacts)


def also(item: Json, contacts: Sequence[Json]) -> tuple[Alias, ...]:
    """The user id, where the number may not be told next time."""
    found = user_id(item, contacts)
    return (Alias("bsuid", found),) if found else ()


def time(item: Json, name: str = "timestamp") -> datetime | None:
    """Epoch seconds, as digits or a number."""
    seconds = loose.whole(item.get(name))
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def some(value: object) -> str | None:
    return loose.text(value) or None
