"""The one door for mail that came back: kept as it came, in a transaction of its own, and counted by what it is."""

from __future__ import annotations

from collections import Counter

import structlog
from sqlalchemy.exc import SQLAlchemyError

from channels.email.bounces import Sort, read
from channels.email.bounces.letter import LARGEST
from jobs.house import House
from jobs.mishaps import words
from store import receipts

log = structlog.get_logger()

SOURCE = "email"


class Away(Exception):
    """The database cannot take it now; whoever brought it keeps it."""


class Intake:
    """`taken` counts since the start, by sort of mail and, for bounces, by grade."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.taken: Counter[str] = Counter()

    async def take(self, raw: bytes, recipient: str | None = None) -> None:
        """Committed when this returns. What stands behind the first 256 KiB is the message that came back, and is left out.

        recipient: of the envelope, where the mail does not name it itself. Raises Away.
        """
        body = (_delivered_to(recipient) + raw)[:LARGEST]
        try:
            now = await self._house.clock.sync()
            async with self._house.database.begin() as connection:
                await receipts.store(connection, SOURCE, body, now)
        except (SQLAlchemyError, OSError) as error:
            log.warning("mail.not_taken", why=type(error).__name__)
            raise Away from None
        try:
            self._count(body)
        except Exception as error:  # it is kept, which is what counts; the receipts tick meets the same and sets it aside
            log.warning("mail.not_understood", why=words(error))

    def _count(self, body: bytes) -> None:
        reading = read(body)
        bounced = reading.sort in (Sort.BOUNCE, Sort.DELAY)
        grade = reading.grade if bounced else None
        reason = reading.findings[0].judgement.reason if bounced else None
        self.taken[f"{reading.sort}:{grade}" if grade else reading.sort] += 1
        log.info("mail.taken", sort=reading.sort, grade=grade, reason=reason, message=reading.key)


def _delivered_to(recipient: str | None) -> bytes:
    """As a delivery agent writes it down; nothing in it can end the line."""
    if recipient is None:
        return b""
    return b"X-Original-To: " + "".join(char for char in recipient if 32 < ord(char) < 127)[:320].encode() + b"\r\n"
