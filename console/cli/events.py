"""emit: one customer event, as the back office would post it."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from config.loader import Config
from config.problems import suggest
from config.settings import Settings
from console.cli.common import fault, in_force, known, pairs
from console.cli.guard import run
from scheduler.bootstrap import open_house
from store import events


def emit(
    event: Annotated[str, typer.Argument(help="A customer event of events.yaml.", show_default=False)],
    customer: Annotated[str, typer.Option("--customer", metavar="NO", help="Customer number.", show_default=False)],
    data: Annotated[list[str] | None, typer.Option("--data", metavar="K=V", help="What the event carries; repeat for more.")] = None,
    event_id: Annotated[str | None, typer.Option("--id", help="The event's own id: the same id again does nothing.")] = None,
) -> None:
    """Tell Kabar that something happened to one customer; same as POST /v1/events."""
    number = event_id or str(uuid.uuid4())
    new = run(_emit(Settings.read(), event, customer, pairs(data or []), number))
    typer.echo(f"event {number} " + ("taken" if new else "was known already: nothing is done twice"))


async def _emit(settings: Settings, event: str, customer: str, data: dict[str, str], event_id: str) -> bool:
    async with open_house(settings) as house:
        check_event(await in_force(house), event, data)
        async with house.database.begin() as connection:
            try:
                return await events.add(connection, event_id=event_id, name=event, customer_no=customer, data=data, now=house.clock.now())
            except events.UnknownCustomer:
                raise fault("--customer", f'there is no customer "{customer}"; `kabar import customers FILE` brings new ones') from None


def check_event(config: Config, event: str, data: dict[str, str]) -> None:
    """Raises ConfigError for an event nobody declared, and for data other than what is declared with it."""
    known("customer event", event, config.events.customer)
    wanted = config.events.customer[event].data
    for key in data:
        if key not in wanted:
            message = f'{event} carries no "{key}"{suggest(key, wanted) or "; it carries no data"}; events.yaml says what it carries'
            raise fault("--data", message)
    absent = [key for key in wanted if not data.get(key, "").strip()]
    if absent:
        raise fault("--data", f"{event} needs {' and '.join(f'--data {key}=…' for key in absent)}")
