"""The two names of a WhatsApp user: the number without its plus, and the id that only this business knows."""

from __future__ import annotations

import re
from hashlib import blake2b

_USER_ID = re.compile(r"[A-Z]{2}\.\w+")


def wa_id(to: str) -> str:
    return to.removeprefix("+")


def user_id(to: str) -> str:
    """The business-scoped user id of a number, the same in every run; one that is given stays."""
    if _USER_ID.fullmatch(to):
        return to
    return f"ID.{int.from_bytes(blake2b(wa_id(to).encode(), digest_size=7).digest(), 'big')}"


def contact(who: str, *, hidden: bool) -> dict[str, object]:
    """As webhooks name a person."""
    number = {} if hidden or _USER_ID.fullmatch(who) else {"wa_id": wa_id(who)}
    return {"profile": {"name": f"Nasabah {who[-4:]}"}, **number, "user_id": user_id(who)}
