"""API keys: hashed at rest, good until they end, and the database is not asked for each call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from pydantic import SecretStr
from sqlalchemy import event, text

from config.settings import HttpSettings, Settings
from console.http.keyring import Keyring
from jobs.api_keys import KeyScope, key_id, make_key
from jobs.clock import VirtualClock
from jobs.house import House
from store import api_keys
from tests.http.app import new_key
from tests.http.conftest import AUTH, KEY, serving
from tests.world import rows

HOME = Path(__file__).parents[2]
EVENT = {"event": "kyc.updated", "customer_no": "C1"}


async def status(web: ClientSession, key: str) -> int:
    """401 while the key opens nothing; 503 behind it: nothing is published."""
    async with web.post("/v1/events", json=EVENT, headers={"Authorization": f"Bearer {key}"}) as answer:
        return answer.status


def test_a_key_says_what_it_is_and_a_slip_of_the_pen_is_seen_without_the_database() -> None:
    made = make_key()
    assert made.text.startswith(f"kabar_{made.id}_")
    assert key_id(made.text) == made.id
    assert make_key().text != made.text
    flipped = made.text[:20] + ("a" if made.text[20] != "a" else "b") + made.text[21:]
    for wrong in (flipped, made.text[:-1], made.text + "a", made.text.upper(), " " + made.text, "", "kabar__", "the-api-key"):
        assert key_id(wrong) is None


async def test_only_the_hash_is_kept(house: House) -> None:
    key = await new_key(house, "crm")
    [row] = await rows(house.database, "SELECT * FROM api_keys")
    assert key.rpartition("_")[2] not in str(row)
    assert len(row.hash) == 32


async def test_a_revoked_key_opens_nothing_five_seconds_later(house: House, clock: VirtualClock, web: ClientSession) -> None:
    key = await new_key(house, "crm")
    assert await status(web, key) == 503
    async with house.database.begin() as connection:
        assert await api_keys.revoke(connection, "crm", "dewi", clock.now())
    assert await status(web, key) == 503
    clock.advance_to(clock.now() + timedelta(seconds=5))
    assert await status(web, key) == 401


async def test_an_expired_key_opens_nothing_from_that_moment_on(house: House, clock: VirtualClock, web: ClientSession) -> None:
    key = await new_key(house, "crm", expires_at=clock.now() + timedelta(seconds=1))
    assert await status(web, key) == 503
    clock.advance_to(clock.now() + timedelta(seconds=1))
    assert await status(web, key) == 401


async def test_the_right_id_with_another_secret_is_nobodys_key(house: House, web: ClientSession) -> None:
    key, other = await new_key(house, "crm"), make_key()
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE api_keys SET id = :id"), {"id": other.id})
    assert await status(web, other.text) == 401
    assert await status(web, key) == 401


async def test_keys_of_the_database_are_enough_and_that_of_the_environment_goes_on_working(house: House, web: ClientSession) -> None:
    assert await status(web, AUTH["Authorization"].removeprefix("Bearer ")) == 503
    async with serving(replace(house, settings=Settings(http=HttpSettings(port=0), stop_grace=1))) as bare:
        async with bare.post("/v1/events", json=EVENT) as answer:
            assert (answer.status, (await answer.json())["error"]) == (503, "api_key_not_set")
        key = await new_key(house, "crm")
        async with bare.post("/v1/events", json=EVENT, headers={"X-API-Key": key}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (503, "not_configured")
        async with bare.post("/v1/events", json=EVENT) as answer:
            assert answer.status == 401


async def test_the_database_is_asked_once_in_five_seconds_and_told_of_the_use_once_a_minute(house: House, clock: VirtualClock) -> None:
    key, keyring = await new_key(house, "crm"), Keyring(house)
    asked = questions(house)
    for _ in range(5):
        assert await keyring.caller(key)
    assert [words.split()[0] for words in asked] == ["SELECT", "UPDATE"]
    first = clock.now()
    for seconds, expected in ((59, first), (60, first + timedelta(seconds=60))):
        clock.advance_to(first + timedelta(seconds=seconds))
        assert await keyring.caller(key)
        assert [row.last_used_at for row in await rows(house.database, "SELECT last_used_at FROM api_keys")] == [expected]


def questions(house: House) -> list[str]:
    """Grows by each statement about keys that the database is asked."""
    asked: list[str] = []

    def note(*args: Any) -> None:
        if "api_keys" in args[2]:
            asked.append(args[2])

    event.listen(house.database.engine.sync_engine, "before_cursor_execute", note)
    return asked


async def test_wrong_secrets_of_a_known_id_cost_the_database_one_question_in_five_seconds(house: House) -> None:
    await new_key(house, "crm")
    other = make_key()
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE api_keys SET id = :id"), {"id": other.id})
    async with serving(replace(house, settings=Settings(http=HttpSettings(port=0), stop_grace=1))) as bare:
        assert await status(bare, other.text) == 401
        asked = questions(house)
        assert [await status(bare, other.text) for _ in range(10)] == [401] * 10
        assert asked == []


async def test_however_many_wrong_keys_come_at_once_the_database_is_asked_for_no_more_than_may_be_wrong(house: House) -> None:
    http = HttpSettings(port=0, api_key=SecretStr(KEY), refused_rate=0.05)  # three a minute
    async with serving(replace(house, settings=Settings(http=http, stop_grace=1))) as web:
        asked = questions(house)
        found = await asyncio.gather(*(status(web, make_key().text) for _ in range(30)))
        assert sorted(found) == [401] * 3 + [429] * 27
        assert len(asked) == 3


async def test_a_good_key_that_is_used_for_the_first_time_by_many_at_once_is_held_up_by_nothing(house: House) -> None:
    key = await new_key(house, "crm")
    http = HttpSettings(port=0, api_key=SecretStr(KEY), refused_rate=0.05)
    async with serving(replace(house, settings=Settings(http=http, stop_grace=1))) as web:
        assert set(await asyncio.gather(*(status(web, key) for _ in range(30)))) == {503}


async def test_what_is_remembered_of_keys_is_bounded(house: House) -> None:
    keyring = Keyring(house, size=5)
    for _ in range(10):
        assert await keyring.caller(make_key().text) is None
    assert len(keyring) == 5


def test_every_scope_is_explained_where_keys_are() -> None:
    page = (HOME / "docs" / "http.md").read_text(encoding="utf-8")
    assert all(f"| `{scope}` |" in page for scope in KeyScope)
