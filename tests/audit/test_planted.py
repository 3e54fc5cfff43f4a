"""Every kind of breach, planted by SQL in a copy of what the house really played, is found and named; the unplanted copy is clean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from random import Random

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from channels.registry import CHANNELS
from config.settings import Settings
from jobs.audit import examine
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.links import Signer
from store.breaches import Kind
from store.engine import open_database
from tests.audit.plants import CLOSE, EVERY
from tests.audit.played import CONTROL, SOMEBODY, weekend
from tests.world import at

Found = tuple[Kind, str, str | None]
_numbers = count(1)


def _named(uri: str, name: str) -> str:
    return make_url(uri).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def played(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of the database of a weekend."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE played TEMPLATE {template} STRATEGY file_copy")

    async def play(folder: Path) -> None:
        database = open_database(_named(server, "played"))
        await weekend(database, folder)
        await database.close()

    asyncio.run(play(tmp_path_factory.mktemp("weekend")))
    return "played"


@pytest.fixture
def copied(server: str, played: str) -> Iterator[str]:
    name = f"copied_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {played} STRATEGY file_copy")
    yield _named(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def weekends(copied: str) -> AsyncIterator[House]:
    """A house on a copy of the weekend."""
    database = open_database(copied)
    yield House(
        Settings(), database, VirtualClock(at("2026-11-21 13:00")), CHANNELS, Catalog(CHANNELS), signer=Signer(b"test"), chance=Random(1)
    )
    await database.close()


async def found(house: House, *planted: str) -> list[Found]:
    async with house.database.begin() as connection:
        for statement in planted:
            changed = await connection.execute(text(statement.replace(":", r"\:")))
            assert changed.rowcount > 0, statement
    return [(breach.kind, breach.customer_no, breach.word) for breach in (await examine(house)).found]


async def test_what_the_house_played_is_clean(weekends: House) -> None:
    result = await examine(weekends)
    assert (result.counts, result.people) == ({}, 6)
    async with weekends.database.begin() as connection:
        kinds = (
            await connection.execute(
                text("SELECT r.campaign, m.status, count(*) FROM messages m JOIN runs r ON r.id = m.run_id GROUP BY 1, 2")
            )
        ).all()
    counts = {(campaign, status): n for campaign, status, n in kinds}
    held_out = counts["choice", "suppressed"]
    assert 0 < held_out < 6
    assert {key: n for key, n in counts.items() if key[1] in ("sent", "merged")} == {
        ("class", "sent"): 11,  # a pop-up is read by the one customer whose app was opened
        ("app", "sent"): 5,
        ("alert", "sent"): 12,  # nobody reads it, so a mail follows
        ("note-a", "sent"): 6,
        ("note-b", "merged"): 6,
        ("offer", "sent"): 6,
        ("choice", "sent"): 6 - held_out,
    }


@pytest.mark.parametrize("name", EVERY)
async def test_a_planted_breach_is_found_and_named(weekends: House, name: str) -> None:
    planted, kind, word = EVERY[name]
    whom = CONTROL if kind is Kind.CONTROL else SOMEBODY
    assert await found(weekends, *planted) == [(kind, whom, word)]


def test_every_kind_is_planted() -> None:
    assert {kind for _, kind, _ in EVERY.values()} == set(Kind)


async def test_the_gap_between_pop_ups_is_that_of_the_rules_of_its_day(weekends: House) -> None:
    rules = "replace(files ->> 'rules.yaml', 'popup_gap: 2m', 'popup_gap: 0s')"
    calmer = f"""INSERT INTO versions (hash, files, published_at, activated_at)
                 SELECT 'calmer', files || jsonb_build_object('rules.yaml', {rules}), published_at, '2026-11-20 19:00+07' FROM versions"""
    assert await found(weekends, *CLOSE, calmer) == []
