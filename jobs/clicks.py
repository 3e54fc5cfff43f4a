"""A link that was followed: where it leads, by the words of the message it stood in, and that it was clicked."""

from __future__ import annotations

from datetime import datetime

from channels.incoming import ReceiptKind
from config.problems import ConfigError
from config.templating import RenderError
from jobs.house import House
from jobs.links import CLICK
from jobs.render import Renderer
from store import clicks, receipts

_NO_MESSAGE = "0"  # looked for all the same where a token is not ours, so that both take as long


async def follow(house: House, token: str, now: datetime, *, counts: bool) -> str | None:
    """The https address a link leads to, None when it is not ours or its message is gone.

    The address is that of the template the message was planned with, filled in for its person; nothing of it is in the token. Its
    host stands in the template. The channel is in the token because a message may have gone on to another one since.

    counts: a person followed it. The first click on each link of a message is kept; any makes it read.
    """
    message_id, channel, number = house.signer.read(CLICK, token) or (_NO_MESSAGE, "", "0")
    async with house.database.begin() as connection:
        row = await clicks.message(connection, int(message_id))
        if row is None or channel not in house.channels:
            return None
        try:
            renderer = Renderer(house, {row.version_id: await house.catalog.version(connection, row.version_id)})
            place = renderer.destination(row, row, house.channels[channel], int(number))
        except (RenderError, ConfigError):  # a value is missing now, or the grammar moved on
            return None
        if place is not None and counts:
            kind, detail = ReceiptKind.CLICKED, f"link {int(number) + 1}"
            fact = receipts.Fact(f"click:{row.id}:{channel}:{number}", kind, now, row.id, row.person_id, detail, channel)
            await receipts.remember(connection, [fact], now)
            await receipts.move(connection, [fact], now)
        return place
