"""Files that change while they are read: only whole versions are published, however they are written."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from jobs.house import House
from scheduler.reload import FAULT, Watch
from store import ticks
from store.engine import open_database
from tests.world import campaign, files, rows

NAMES = [f"c-{number}" for number in range(12)]


def version(number: int) -> dict[str, str]:
    """All of its campaigns say the same number; and there is none without them all."""
    return files(*(campaign(name, owner=f"owner-{number}") for name in NAMES))


def write(directory: Path, written: dict[str, str]) -> None:
    for name, text in written.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


async def published(house: House) -> list[dict[str, str]]:
    return [row.files for row in await rows(house.database, "SELECT files FROM versions ORDER BY activated_at")]


def whole(found: dict[str, str]) -> bool:
    owners = {
        line for name, text in found.items() if name.startswith("schedules/") for line in text.splitlines() if line.startswith("owner")
    }
    return len(owners) == 1 and sum(name.startswith("schedules/") for name in found) == len(NAMES)


async def until_published(watch: Watch, house: House) -> None:
    for _ in range(50):
        if await watch.look(house):
            return
    raise AssertionError("nothing was published though the files have come to rest")


# How the world changes files. Each takes a directory from one version to another.
def in_pieces(directory: Path, written: dict[str, str]) -> None:
    """Truncated, then written bit by bit, one file after the other."""
    for name, text in written.items():
        with (directory / name).open("w") as file:
            for start in range(0, len(text), 40):
                file.write(text[start : start + 40])
                file.flush()


def by_rename(directory: Path, written: dict[str, str]) -> None:
    """An editor's dance: the old one is moved away, a new one takes its place, the old one goes."""
    for name, text in written.items():
        path = directory / name
        beside = path.with_name(f"{path.name}~")
        path.rename(beside)
        path.with_name(f".{path.name}.swp").write_text(text)
        path.with_name(f".{path.name}.swp").rename(path)
        beside.unlink()


def by_swap(directory: Path, written: dict[str, str]) -> None:
    """A deployment: everything goes, then all of it comes."""
    new, old = directory.with_name("new"), directory.with_name("old")
    write(new, written)
    directory.rename(old)
    new.rename(directory)
    shutil.rmtree(old)


WAYS: list[Callable[[Path, dict[str, str]], None]] = [in_pieces, by_rename, by_swap]


@contextmanager
def restless(way: Callable[[Path, dict[str, str]], None], directory: Path) -> Iterator[threading.Event]:
    """Somebody who rewrites the directory without end; the last version is whole and stays."""
    enough = threading.Event()

    def rewrite() -> None:
        number = 1
        while not enough.is_set():
            number += 1
            way(directory, version(number))

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        yield enough
    finally:
        enough.set()
        writer.join()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_while_files_are_rewritten_no_half_version_is_published(
    house: House, tmp_path: Path, way: Callable[[Path, dict[str, str]], None]
) -> None:
    directory = tmp_path / "config"
    write(directory, version(1))
    watch = Watch(directory)
    await until_published(watch, house)
    with restless(way, directory):
        for _ in range(25):
            await watch.look(house)
    await until_published(watch, house)
    found = await published(house)
    assert all(map(whole, found))
    assert found[-1] == version_of(directory)


def version_of(directory: Path) -> dict[str, str]:
    return {path.relative_to(directory).as_posix(): path.read_text() for path in directory.rglob("*.yaml")}


async def test_a_link_that_is_turned_to_another_directory_is_seen_though_size_and_time_are_the_same(house: House, tmp_path: Path) -> None:
    """As Kubernetes mounts a ConfigMap: every entry is a link by way of `..data`."""
    for number in (1, 2):
        write(tmp_path / f"..{number}", version(number))
        for path in (tmp_path / f"..{number}").rglob("*.yaml"):
            os.utime(path, (1_700_000_000, 1_700_000_000))
    (tmp_path / "..data").symlink_to("..1")
    for name in ("rules.yaml", "segments.yaml", "events.yaml", "whatsapp-templates.yaml", "schedules", "templates"):
        (tmp_path / name).symlink_to(Path("..data") / name)
    watch = Watch(tmp_path)
    await until_published(watch, house)
    (tmp_path / "..next").symlink_to("..2")
    (tmp_path / "..next").rename(tmp_path / "..data")
    await until_published(watch, house)
    assert [whole(found) for found in await published(house)] == [True, True]
    assert "owner-2" in (await published(house))[-1]["schedules/c0.yaml"]


async def test_a_directory_that_is_gone_keeps_the_last_good_version_and_is_told(house: House, tmp_path: Path) -> None:
    directory = tmp_path / "config"
    write(directory, version(1))
    watch = Watch(directory)
    await until_published(watch, house)
    directory.rename(tmp_path / "away")
    for _ in range(3):
        assert not await watch.look(house)
    async with house.database.begin() as connection:
        assert "there is no such directory" in (await ticks.fact(connection, FAULT))[0]
    (tmp_path / "away").rename(directory)
    for _ in range(3):
        assert not await watch.look(house)  # the same content is in force already
    async with house.database.begin() as connection:
        assert await ticks.fact(connection, FAULT) is None
    assert len(await published(house)) == 1


async def test_a_change_that_met_a_database_which_was_away_is_published_once_it_is_back(house: House, tmp_path: Path) -> None:
    write(tmp_path, version(1))
    watch = Watch(tmp_path)
    away = House(house.settings, open_database("postgresql://nobody@127.0.0.1:1/nothing"), house.clock, house.channels, house.catalog)
    assert not await watch.look(away)
    with pytest.raises(OperationalError, match="refused"):
        await watch.look(away)
    await until_published(watch, house)


async def test_a_version_is_in_force_though_the_clock_was_set_back(house: House, tmp_path: Path) -> None:
    write(tmp_path, version(1))
    watch = Watch(tmp_path)
    await until_published(watch, house)
    async with house.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE versions SET activated_at = activated_at + interval '1 hour'")
    write(tmp_path, version(2))
    await until_published(watch, house)
    async with house.database.begin() as connection:
        newest = await house.catalog.newest(connection)
    assert newest is not None
    assert newest.config.campaigns["c-0"].owner == "owner-2"
