"""A maildir: each mail is kept once, whoever reads, and waits in new/ while it cannot be."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from config.problems import ConfigError
from console.mail.intake import Intake
from console.mail.maildir import CLAIMED, STALE, Maildir, drain
from jobs.house import House
from store.engine import open_database
from tests.world import rows

MAIL = b"From: MAILER-DAEMON@mx.example.org\nTo: bounce+kabar-1-abcdefgh23@bounce.example.com\nSubject: failure notice\n\nGone.\n"


@pytest.fixture
def box(tmp_path: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (tmp_path / part).mkdir()
    return tmp_path


def _names(box: Path) -> dict[str, list[str]]:
    return {part: sorted(os.listdir(box / part)) for part in ("new", "cur", "tmp")}


async def test_two_readers_keep_each_mail_once_and_move_it_to_cur(house: House, box: Path) -> None:
    for number in range(20):
        (box / "new" / f"{number:02}.mx").write_bytes(MAIL)
    stop = asyncio.Event()
    intakes = [Intake(house), Intake(house)]
    assert await asyncio.gather(*(drain(Maildir(box), intake, stop) for intake in intakes)) == [True, True]
    assert _names(box) == {"new": [], "cur": [f"{number:02}.mx:2,S" for number in range(20)], "tmp": []}
    [stored] = await rows(house.database, "SELECT count(*) AS n, count(DISTINCT body) AS bodies FROM receipts")
    assert (stored.n, stored.bodies) == (20, 1)
    assert all(intake.taken["bounce:undetermined"] for intake in intakes)


async def test_while_the_database_is_away_mail_waits_in_new(house: House, box: Path) -> None:
    (box / "new" / "1.mx").write_bytes(MAIL)
    away = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    assert not await drain(Maildir(box), Intake(replace(house, database=away)), asyncio.Event())
    await away.close()
    assert _names(box) == {"new": ["1.mx"], "cur": [], "tmp": []}


async def test_what_a_dead_reader_held_is_read_by_another(house: House, box: Path) -> None:
    dead, alive = box / "tmp" / f"1.mx{CLAIMED}", box / "tmp" / f"2.mx{CLAIMED}"
    for claim in (dead, alive):
        claim.write_bytes(MAIL)
    os.utime(dead, (alive.stat().st_mtime - 2 * STALE,) * 2)
    await drain(Maildir(box), Intake(house), asyncio.Event())
    assert _names(box) == {"new": [], "cur": ["1.mx:2,S"], "tmp": [alive.name]}


def test_a_directory_that_is_no_maildir_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it has no new, no cur, no tmp; make one"):
        Maildir(tmp_path)
