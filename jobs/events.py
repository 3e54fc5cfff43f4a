"""Customer events as they come in, by HTTP or by hand: judged by the configuration in force, stored once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog

from config.models import CustomerEvent
from config.problems import nearest
from jobs.house import House
from store import events, ticks

log = structlog.get_logger()

Value = str | int | float | bool


class EventRefused(ValueError):
    """code: not_configured, unknown_event or wrong_data. The text says what would be right and repeats no value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def take_event(
    house: House, *, event_id: str, name: str, customer_no: str, data: Mapping[str, Value], now: datetime, by: str | None = None
) -> bool:
    """False when this event id is known already. by: an operator, for the audit log.

    Raises EventRefused, store.events.UnknownCustomer.
    """
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        if published is None:
            raise EventRefused("not_configured", "no configuration is published yet; start the scheduler with a valid one")
        _check(published.config.events.customer, name, data)
        new = await events.add(connection, event_id=event_id, name=name, customer_no=customer_no, data=data, now=now)
        if by is not None:
            detail = {"event": name, "event_id": event_id, "customer_no": customer_no, "new": new}
            await ticks.record(connection, actor=by, action="emit", detail=detail, now=now)
    log.info("event.accepted" if new else "event.duplicate", event_id=event_id, customer_event=name)
    return new


def _check(known: Mapping[str, CustomerEvent], name: str, data: Mapping[str, Value]) -> None:
    if name not in known:
        names = ", ".join(sorted(known)) or "none is configured"
        raise EventRefused("unknown_event", f"event: not one of the known ones: {names}{nearest(name, known)}")
    declared = known[name].data
    carries = f"{name} carries {', '.join(sorted(declared)) or 'no data'}"
    for key in data:
        if key not in declared:
            raise EventRefused("wrong_data", f"data: has a key the event does not carry{nearest(key, declared)}; {carries}")
    lacking = [key for key in declared if not str(data.get(key, "")).strip()]
    if lacking:
        raise EventRefused("wrong_data", f"data: lacks {', '.join(sorted(lacking))}; {carries}")
