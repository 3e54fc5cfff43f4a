"""A link that was followed: where it leads, by the words of the message it stood in, and that it was clicked."""

from __future__ import annotations

from datetime import datetime

from channels.base import ReceiptKind
from config.problems import ConfigError
from config.templating import RenderError
from jobs.house import House
from jobs.links import CLICK
from jobs.render import Renderer
from store import clicks, receipts

_NO_MESSAGE = 0  # looked for all the same where a token is not ours, so that both take as long


async def follow(house: House, token: str, now: datetime, *, counts: bool) -> str | None:
    """The https address a link leads to, None when it is not ours or its message is gone.

    The address is that of the template the message was planned with, filled in for its person; nothing of it is in the token. Its
    host stands in the template. counts: a person followed it. The first click on each link of a message is kept; any makes it read.
    """
    words = house.signer.read(CLICK, token) or (str(_NO_MESSAGE), "0")
    message_id, number = (int(word) for word in words)
    async with house.database.begin() as connection:
        row = await clicks.message(connection, message_id)
        if row is None or row.channel not in house.channels:
            return None
        try:
            renderer = Renderer(house, {row.version_id: await house.catalog.version(connection, row.version_id)})
            place = renderer.destination(row, row, house.channels[row.channel], number)
        except (RenderError, ConfigError):  # a value is missing now, or the grammar moved on
            return None
        if place is not None and counts:
            fact = receipts.Fact(f"click:{row.id}:{number}", ReceiptKind.CLICKED, now, row.id, row.person_id, f"link {number + 1}")
            await receipts.remember(connection, [fact], now)
            await receipts.move(connection, [fact], now)
        return place
