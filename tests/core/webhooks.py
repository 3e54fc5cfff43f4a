"""What Meta tells later of a message, put in as the web would."""

from __future__ import annotations

import json

from jobs.links import message_key
from jobs.receipts import apply_receipts
from store import receipts
from tests.core.conftest import Stage


def status(stage: Stage, message: int, word: str, *codes: int) -> bytes:
    """One `statuses` item about a message of ours, at the stage's time."""
    stamp = str(int(stage.clock.now().timestamp()))
    told: dict[str, object] = {
        "id": "wamid.X",
        "status": word,
        "timestamp": stamp,
        "recipient_id": "6281200000001",
        "errors": [{"code": code} for code in codes],
    }
    value: dict[str, object] = {"messaging_product": "whatsapp", "statuses": [told | {"biz_opaque_callback_data": message_key(message)}]}
    return _webhook(value)


def answered(stage: Stage, words: str) -> bytes:
    """The first customer writes, without quoting anything."""
    said: dict[str, object] = {
        "from": "6281200000001",
        "id": "wamid.Y",
        "timestamp": str(int(stage.clock.now().timestamp())),
        "type": "text",
    }
    return _webhook({"messages": [said | {"text": {"body": words}}]})


def _webhook(value: dict[str, object]) -> bytes:
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()


async def receive(stage: Stage, *bodies: bytes) -> None:
    """Stored and applied, at once."""
    async with stage.house.database.begin() as connection:
        for body in bodies:
            await receipts.store(connection, "whatsapp", body, stage.clock.now())
    while await apply_receipts(stage.house, stage.clock.now()):
        pass
