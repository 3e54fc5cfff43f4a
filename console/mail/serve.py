"""Both doors for returned mail, as they are configured: what `kabar bounces` and `kabar up` run."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from channels.email.settings import EmailSettings
from console.mail import lmtp
from console.mail.intake import Intake
from console.mail.maildir import Maildir, watch
from jobs.house import House


@dataclass(frozen=True, slots=True)
class Doors:
    """What was found usable before anything began."""

    maildir: Maildir | None = None
    listening: socket.socket | None = None

    def __bool__(self) -> bool:
        return self.maildir is not None or self.listening is not None


@contextmanager
def doors(maildir: Path | None, place: str | None) -> Iterator[Doors]:
    """Raises ConfigError for a directory that is no maildir and for a port that is taken."""
    box = Maildir(maildir) if maildir is not None else None
    if place is None:
        yield Doors(box)
        return
    with lmtp.bind(place) as listening:
        yield Doors(box, listening)


@contextmanager
def configured_doors() -> Iterator[Doors]:
    """As KABAR_EMAIL__BOUNCE_MAILDIR and _LMTP say."""
    settings = EmailSettings.read()
    with doors(settings.bounce_maildir, settings.bounce_lmtp) as found:
        yield found


async def keep_open(house: House, found: Doors, stop: asyncio.Event) -> None:
    """Until told to stop."""
    intake = Intake(house)
    async with asyncio.TaskGroup() as tasks:
        if found.maildir is not None:
            tasks.create_task(watch(found.maildir, intake, stop))
        if found.listening is not None:
            tasks.create_task(lmtp.serve(intake, found.listening, stop))
