"""emit: one customer event, as the back office would post it."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer
from pydantic import ValidationError

from config.problems import ConfigError, Problem
from config.settings import Settings
from console.cli.common import fault, nobody, operator, pairs
from console.cli.guard import run
from console.http.events import NewEvent
from jobs.events import EventRefused, take_event
from scheduler.bootstrap import open_house
from store.events import UnknownCustomer

_OPTIONS = {"event": "EVENT", "customer_no": "--customer", "event_id": "--id", "data": "--data"}


def emit(
    event: Annotated[str, typer.Argument(help="A customer event of events.yaml.", show_default=False)],
    customer: Annotated[str, typer.Option("--customer", metavar="NO", help="Customer number.", show_default=False)],
    data: Annotated[list[str] | None, typer.Option("--data", metavar="K=V", help="What the event carries; repeat for more.")] = None,
    event_id: Annotated[str | None, typer.Option("--id", help="The event's own id: the same id again does nothing.")] = None,
) -> None:
    """Tell Kabar that something happened to one customer; same as POST /v1/events."""
    number = event_id or str(uuid.uuid4())
    try:
        told = NewEvent(event=event, customer_no=customer, data=pairs(data or []), event_id=number)
    except ValidationError as error:
        problems = [Problem(_OPTIONS[str(each["loc"][0])], 0, 0, each["msg"]) for each in error.errors(include_input=False)]
        raise ConfigError(problems) from None
    new = run(_emit(Settings.read(), told, number))
    typer.echo(f"event {number} " + ("taken" if new else "was known already: nothing is done twice"))


async def _emit(settings: Settings, told: NewEvent, number: str) -> bool:
    async with open_house(settings) as house:
        now = house.clock.now()
        try:
            return await take_event(
                house, event_id=number, name=told.event, customer_no=told.customer_no, data=told.data, now=now, by=operator()
            )
        except EventRefused as error:
            raise fault(told.event, str(error)) from None
        except UnknownCustomer:
            async with house.database.begin() as connection:
                message = await nobody(connection, told.customer_no, "`kabar import customers FILE` brings new ones")
            raise fault("--customer", message) from None
