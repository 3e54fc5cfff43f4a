"""What a customer's app does: gets a token by way of its back end, asks for pop-ups, tells what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from aiohttp import ClientSession

from jobs.api_keys import make_key
from jobs.house import House
from store import api_keys
from tests.http.conftest import AUTH


async def new_key(house: House, name: str, *, scopes: Sequence[str] = ("events",), expires_at: datetime | None = None) -> str:
    """An API key, as `kabar keys create` makes it."""
    made = make_key()
    async with house.database.begin() as connection:
        await api_keys.add(
            connection, key_id=made.id, name=name, digest=made.digest, scopes=scopes, by="qa", expires_at=expires_at, now=house.clock.now()
        )
    return made.text


async def token(web: ClientSession, number: int = 1, **more: int) -> dict[str, str]:
    async with web.post("/v1/popups/tokens", json={"customer_no": f"C{number:06}"} | more, headers=AUTH) as answer:
        assert answer.status == 200
        return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def ask(web: ClientSession, headers: dict[str, str], **query: str) -> tuple[int, list[dict[str, Any]], str]:
    async with web.get("/v1/popups", headers=headers, params=query) as answer:
        items = (await answer.json())["items"] if answer.status == 200 else []
        return answer.status, items, answer.headers.get("ETag", "")


def event(house: House, delivery_id: str, kind: str, **more: str) -> dict[str, str]:
    return {"event_id": str(uuid4()), "delivery_id": delivery_id, "type": kind, "at": house.clock.now().isoformat()} | more


async def tell(web: ClientSession, headers: dict[str, str], *items: dict[str, str], url: str = "/v1/popups/events") -> list[str]:
    async with web.post(url, json={"items": items}, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return [item["status"] for item in (await answer.json())["items"]]
