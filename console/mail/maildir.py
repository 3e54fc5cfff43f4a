"""A maildir read by any number of readers: a rename claims a mail, and it goes to cur/ when it is kept."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog

from channels.email.bounces.letter import LARGEST
from config.problems import ConfigError, Problem
from console.mail.intake import Away, Intake

log = structlog.get_logger()

SETTING = "KABAR_EMAIL__BOUNCE_MAILDIR"
EVERY = 1.0  # seconds between two looks
BATCH = 200
STALE = 600.0  # seconds after which a claim is that of a dead reader
CLAIMED = ".kabar-claimed"
UNREADABLE = ".kabar-unreadable"
SEEN = ":2,S"


class Maildir:
    """new/ holds what is to be read, cur/ what was. A claim is a mail in tmp/ with a name of ours."""

    def __init__(self, directory: Path) -> None:
        self._new, self._cur, self._tmp = directory / "new", directory / "cur", directory / "tmp"
        missing = [part.name for part in (self._new, self._cur, self._tmp) if not part.is_dir()]
        if missing:
            wrong = f'"{directory}" is no maildir: it has no {", no ".join(missing)}; make one with new/, cur/ and tmp/ in it'
            raise ConfigError([Problem(SETTING, 0, 0, wrong)])

    def claim(self, now: float) -> Iterator[Path]:
        """The next mails, each now ours alone. now: epoch seconds."""
        self._release_stale(now)
        for name in sorted(os.listdir(self._new))[:BATCH]:
            if name.startswith("."):
                continue
            ours = self._tmp / f"{name}{CLAIMED}"
            # Another reader was faster, or it is no file.
            with suppress(OSError):
                os.rename(self._new / name, ours)
                os.utime(ours, (now, now))
                yield ours

    def kept(self, ours: Path) -> None:
        name = ours.name.removesuffix(CLAIMED)
        os.rename(ours, self._cur / (name if ":2," in name else name + SEEN))

    def give_back(self, ours: Path) -> None:
        os.rename(ours, self._new / ours.name.removesuffix(CLAIMED))

    def set_aside(self, ours: Path) -> None:
        """It cannot be read: somebody has to look at it, and it stands in nobody's way. Moved back to new/, it is read again."""
        os.rename(ours, ours.with_name(ours.name.removesuffix(CLAIMED) + UNREADABLE))

    def _release_stale(self, now: float) -> None:
        for ours in self._tmp.glob(f"*{CLAIMED}"):
            with suppress(OSError):
                if now - ours.stat().st_mtime > STALE:
                    self.give_back(ours)


async def drain(maildir: Maildir, intake: Intake, stop: asyncio.Event) -> bool:
    """Everything that is there now. False when the database was away: the mail waits in new/."""
    while not stop.is_set():
        found = 0
        for ours in maildir.claim(time.time()):
            found += 1
            try:
                await intake.take(await asyncio.to_thread(_read, ours))
            except Away:
                maildir.give_back(ours)
                return False
            except OSError as error:
                maildir.set_aside(ours)
                log.error("mail.unreadable", why=type(error).__name__)
                continue
            except BaseException:
                maildir.give_back(ours)
                raise
            maildir.kept(ours)
            if stop.is_set():
                break
        if not found:
            return True
    return True


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST)


async def watch(maildir: Maildir, intake: Intake, stop: asyncio.Event) -> None:
    """Until told to stop."""
    log.info("maildir.started")
    while not stop.is_set():
        await drain(maildir, intake, stop)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY)
    log.info("maildir.stopped", **intake.taken)
