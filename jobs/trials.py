"""The pop-ups of `kabar send-test`: laid ready for one person's app, and gone once it tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from config.problems import ConfigError, Problem
from jobs.house import House
from jobs.links import TRIAL_KEY
from store import popups, trials

LASTS = timedelta(minutes=15)


async def lay_ready(house: House, customer_no: str, campaign: str, message_id: int) -> str:
    """What the adapter put under this id waits in the customer's app, before everything else; returns its key.

    Raises ConfigError when nobody has this number.
    """
    content = house.tray.of([message_id])[message_id]
    house.tray.clear([message_id])
    now = house.clock.now()
    async with house.database.begin() as connection:
        person_id = await popups.recipient(connection, customer_no)
        if person_id is None:
            message = f'there is no customer "{customer_no}"; a pop-up waits in the app of one, so give a customer number'
            raise ConfigError([Problem("--to", 0, 0, message)])
        test = await trials.put(connection, person_id=person_id, campaign=campaign, content=content, now=now, expires_at=now + LASTS)
    return f"{TRIAL_KEY}{test}"


async def seen(house: House, person_id: int, told: Mapping[str, int]) -> dict[str, str]:
    """{event id: id of the test it is about} → {event id: `accepted`, or `unknown` of a test that is not this person's}."""
    if not told:
        return {}
    async with house.database.begin() as connection:
        known = await trials.seen(connection, person_id, set(told.values()))
    return {event_id: "accepted" if test in known else "unknown" for event_id, test in told.items()}
