"""What Meta says of our templates, numbers and account: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from channels import loose
from channels.incoming import Receipt, ReceiptKind
from channels.whatsapp.people import Json, time

TEMPLATE_STATUS = "message_template_status_update"
TEMPLATE_QUALITY = "message_template_quality_update"
ACCOUNT = (
    "account_alerts",
    "account_review_update",
    "account_update",
    "business_capability_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "template_category_update",
)
# Flagged is a warning before it is paused; a lock keeps it from being edited, not from being sent. Everything else that is said of a
# template (rejected, paused, disabled, pending, in appeal, archived, deleted) means that messages with it are refused now.
SENDABLE = frozenset({"APPROVED", "REINSTATED", "UNARCHIVED", "FLAGGED", "LOCKED", "UNLOCKED", "LIMIT_EXCEEDED"})
# An unknown time is older than any other, so that it stops what nothing is known of, and undoes nothing.
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_TELLING = ("event", "decision", "alert_type", "alert_severity", "alert_status", "current_limit", "old_limit", "reason", "rejection_reason",
            "max_daily_conversation_per_phone", "max_daily_conversations_per_business", "max_phone_numbers_per_business",
            "new_quality_score", "previous_quality_score", "new_category", "previous_category")  # fmt: skip
_WORD = re.compile(r"[\w .:-]{1,80}")


def notices(field: str, value: Json, entry: Json) -> Iterator[Receipt]:
    """Of one change; nothing for a field that is not about us."""
    at = time(entry, "time") or _LONG_AGO
    told = {name: word for name in _TELLING if (word := _word(value.get(name)))}
    if field == TEMPLATE_STATUS:
        yield from _template(value, at, told)
    elif field == TEMPLATE_QUALITY:
        yield Receipt(ReceiptKind.NOTICE, at, code=told.get("new_quality_score"), subject=f"template {_name(value)}", text=_said(told))
    elif field in ACCOUNT:
        ban = _word(loose.mapping(value.get("ban_info")).get("waba_ban_state"))
        code = told.get("event") or told.get("alert_type") or told.get("decision")
        yield Receipt(ReceiptKind.NOTICE, at, code=code, subject=field, text=_said({**told, **({"ban": ban} if ban else {})}))


def _template(value: Json, at: datetime, told: dict[str, str]) -> Iterator[Receipt]:
    name, event = _name(value), told.get("event", "").upper()
    if event and name != "/":
        stopped = event not in SENDABLE
        yield Receipt(ReceiptKind.CONTENT, at, code=event, subject=name, text=told.get("reason"), stopped=stopped)


def _name(value: Json) -> str:
    """As WhatsAppContent.registered_as()."""
    return f"{loose.text(value.get('message_template_name'))}/{loose.text(value.get('message_template_language'))}"


def _said(told: dict[str, str]) -> str:
    return ", ".join(f"{name} {word}" for name, word in told.items())


def _word(value: object) -> str:
    """A short word or number fit for a log; free text may hold anything."""
    text = str(value) if isinstance(value, int) else loose.text(value)
    return text if _WORD.fullmatch(text) else ""
