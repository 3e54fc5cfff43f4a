"""The example's configuration and 2,000 of its customers, played for a year in two halves, a core each: nobody waits for another.

How long that takes is told by benchmarks/year.py.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from config.loader import Config
from jobs.audit import examine
from jobs.house import House
from scheduler.bootstrap import read_config
from scheduler.rehearsal import rehearse
from store import rehearsed
from tests.customers.files import load
from tests.world import at, rows

ROOT = Path(__file__).parents[2]
PEOPLE = 2_000
FIRST, LAST = at("2026-11-21 00:00"), at("2027-11-21 00:00")
RUNS = "SELECT campaign, count(*) AS n FROM runs WHERE status = 'finished' GROUP BY 1"
STUCK = """SELECT count(*) AS n FROM messages
           WHERE status IN ('released', 'sending') OR (expires_at <= :now AND status IN ('queued', 'deferred'))"""
SENT_OF = "SELECT m.sent_at FROM messages m JOIN runs r ON r.id = m.run_id WHERE r.campaign = :campaign AND m.status = 'sent'"
REVIEW = "SELECT occurrence FROM runs WHERE campaign = 'portfolio-review' ORDER BY due_at"
KEPT = """SELECT id FROM (SELECT id, row_number() OVER (ORDER BY customer_no) AS place FROM people) p
          WHERE place <= :people AND place % 2 = :half"""


async def half(house: House, folder: Path, number: int) -> House:
    """Let a house know every second of the first 2,000 customers of the example. number: 0 or 1."""
    await load(house.database, Path(shutil.copy(ROOT / "examples" / "customers.csv", folder)))
    async with house.database.begin() as connection:
        await connection.execute(text(f"DELETE FROM people WHERE id NOT IN ({KEPT})"), {"people": PEOPLE, "half": number})
    return house


def example() -> Config:
    return read_config(ROOT / "config")


async def fingerprint(house: House, last: datetime) -> tuple[int, str]:
    """How many decisions a play takes, and a fingerprint of all of them."""
    count, digest = 0, hashlib.sha256()
    async with rehearse(house, example(), FIRST, last, lambda now: None) as played, played.database.begin() as connection:
        async for page in rehearsed.decisions(connection, FIRST):
            count += len(page)
            digest.update(repr([tuple(row) for row in page]).encode())
    return count, digest.hexdigest()


async def play_a_year(house: House) -> None:
    """It breaks no rule, and leaves nothing behind."""
    async with rehearse(house, example(), FIRST, LAST, lambda now: None) as played:
        async with played.database.begin() as connection:
            finished = {row.campaign: row.n for row in await connection.execute(text(RUNS))}
            stuck = (await connection.execute(text(STUCK), {"now": LAST})).scalar_one()
            reviews = [row.occurrence for row in await connection.execute(text(REVIEW))]
            ramadan = {f"{row.sent_at:%Y-%m}" for row in await connection.execute(text(SENT_OF), {"campaign": "ramadan-hnwi"})}
        verdict = await examine(played)
    assert verdict.counts == {}
    assert verdict.messages > 50 * PEOPLE / 2
    assert verdict.people > 0.95 * PEOPLE / 2
    assert stuck == 0
    # The last birthdays, of the evening before the end, are over by midnight; the last Saturday's messages wait on.
    assert (finished["birthday"], finished["portfolio-review"], finished["ramadan-hnwi"]) == (365, 12, 2)
    assert finished["weekly-market"] in (52, 53)
    # 1 January is a holiday and a Friday, 1 May one and a Saturday: the first working days come later.
    assert [day[:10] for day in reviews if day[5:7] in ("01", "05")] == ["2027-01-04", "2027-05-03"]
    assert ramadan == {"2027-02"}
    assert await rows(house.database, "SELECT FROM messages") == []
