"""Promise 7 with a real disk: the one the database lies on is full in the middle of a blast, and some time later it is not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from tests.chaos import scene
from tests.chaos.fleet import Fleet
from tests.chaos.judge import Kind, judge
from tests.chaos.killed import HASTY, busy
from tests.chaos.promises import Promise, Verdict
from tests.storm import books

DISK = "400m"
PIECE = b"\0" * 65_536


@dataclass(frozen=True)
class Size:
    """full: seconds. wait: seconds for the rest once there is room again."""

    people: int = 1_500
    full: float = 80
    wait: float = 240


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of a few hundred megabytes, which only root may make."""
    folder = Path(tempfile.mkdtemp(prefix="kabar-chaos-disk-"))
    folder.chmod(0o755)  # the server is another user
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={DISK}", "kabar-chaos", str(folder)), check=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", "-l", str(folder)), check=True)
        folder.rmdir()


def keep(seed: int, size: Size = Size()) -> Verdict:
    if os.geteuid() != 0:
        return Verdict({"not tried": "only root may mount the small disk it needs"}, ())
    settings = {**scene.pace(email=40, whatsapp=40, push=40), **HASTY}
    with small_disk() as disk, Fleet(scene.files(), settings) as fleet:
        fleet.postgres.data = disk / "postgres"
        fleet.postgres.log = fleet.postgres.data / "log"
        fleet.start_database()
        asyncio.run(scene.populate(fleet, size.people))
        fleet.start_providers()
        fleet.start_daemons()
        fleet.wait_until(lambda: fleet.truth.stat().st_size, 60, "the first message is with its provider")
        ready = full_for(fleet, disk, size.full)
        fell = not answers(fleet)
        if fell:
            fleet.postgres.start()
        rest = fleet.wait_until(lambda: not busy(fleet), size.wait, "every message has come to its end")
        ends = fleet.services.stop_all(fleet.daemons)
        our, their = asyncio.run(books.ours_of(fleet.postgres.url())), books.theirs(fleet.truth)
        tally = judge(our, their, in_flight=sum(message.maybe_duplicate for message in our.messages))
        breaches = [*tally.breaches, *(f"{name} ended by itself: {codes}" for name, codes in fleet.ended.items())]
        breaches += [f"{name} was asked to stop and ended with {code}" for name, code in ends.items() if code != 0]
        breaches += ["/readyz said ready to the end, though there was no room"] if ready else []
        breaches += [f"{row['n']} {row['what']} were set aside" for row in fleet.sql(SET_ASIDE) if row["n"]]
        return Verdict(
            {
                "messages": len(our.messages),
                "seconds without room": size.full,
                "/readyz said ready at the end of them": "yes" if ready else "no",
                "the server ended for want of room": "yes" if fell else "no",
                "lost": sum(count.lost for count in tally.kinds.values()),
                "at most once: doubled": tally.kinds[Kind.ONCE].doubled,
                "at most once: visibly unknown": tally.kinds[Kind.ONCE].unknown,
                "sent again in doubt: flagged": tally.kinds[Kind.AGAIN].flagged,
                "seconds until the last message had gone": round(rest),
            },
            breaches,
        )


SET_ASIDE = """
SELECT 'runs' AS what, count(*) AS n FROM runs WHERE status = 'failed'
UNION ALL SELECT 'receipts', count(*) FROM receipts WHERE error IS NOT NULL
"""


def full_for(fleet: Fleet, disk: Path, seconds: float) -> bool:
    """Every free byte is taken, and kept taken. Whether /readyz was content to the end."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for _ in range(int(seconds * 2)):
            with suppress(OSError):
                while True:
                    file.write(PIECE)
            Event().wait(0.5)
    content = b'"ready"' in readiness(fleet)
    ballast.unlink()
    return content


def readiness(fleet: Fleet) -> bytes:
    try:
        with urlopen(f"{fleet.web}/readyz", timeout=10) as answer:
            return bytes(answer.read())
    except (URLError, OSError):
        return b""


def answers(fleet: Fleet) -> bool:
    try:
        with psycopg.connect(fleet.postgres.url(), connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


PROMISE = Promise(
    "full",
    "The disk of the database is full in the middle of a blast: no process ends, nothing is set aside, nothing is lost, and all goes on "
    "when there is room again.",
    keep,
)
