"""What several commands need: the configuration in force, names with a way out of misspellings, who is at the keyboard."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncConnection

from config.loader import Config
from config.models import Campaign, Rules
from config.problems import ConfigError, Problem, suggest
from console.cli.terminal import terminal
from jobs.house import House
from scheduler.bootstrap import read_config
from scheduler.occurrences import event_data
from store import erased

WIDE = 140


def fault(where: str, message: str) -> ConfigError:
    """A mistake that has no line in a file. Raise it."""
    return ConfigError([Problem(where, 0, 0, message)])


def screen() -> Console:
    """The terminal, or enough room for a table where the output is not one."""
    console = terminal()
    return console if console.is_terminal else terminal(width=WIDE)


def known(kind: str, name: str, names: Iterable[str]) -> str:
    """The name, or ConfigError with the nearest one there is."""
    every = list(names)
    if name not in every:
        raise fault(kind, f'there is no {kind} "{name}"{suggest(name, every)}')
    return name


async def in_force(house: House) -> Config:
    """The newest published configuration; before the first one, that of KABAR_CONFIG_DIR. Raises ConfigError."""
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
    return published.config if published else read_config(house.settings.config_dir, house.channels)


async def company_zone(house: House) -> ZoneInfo:
    """The company's time zone; the usual one while there is no good configuration."""
    try:
        return (await in_force(house)).rules.zone
    except ConfigError:
        return ZoneInfo(str(Rules.model_fields["timezone"].default))


async def nobody(connection: AsyncConnection, customer_no: str, otherwise: str = "it is the customer_no of the customer file") -> str:
    """Why there is no customer of this number, and what would be right."""
    stone = await erased.tombstone(connection, customer_no)
    if stone is None:
        return f'there is no customer "{customer_no}"; {otherwise}'
    when = f"on {stone.forgotten_at:%Y-%m-%d} by {stone.forgotten_by} ({stone.reason})"
    return f"customer {customer_no} was forgotten {when}; if this is a customer again: kabar readmit {customer_no}"


def invented_event(config: Config, campaign: Campaign) -> dict[str, Any]:
    """Something for every value an event would bring: the last dated one, or each key in brackets."""
    dated = config.events.business.get(campaign.when.before or campaign.when.after or "", ())
    if dated:
        return event_data(dated[-1].at, dated[-1].data)
    told = config.events.customer.get(campaign.when.event or "")
    return {key: f"[{key}]" for key in told.data} if told else {}


def operator() -> str:
    """Whose name an action is recorded under when --by does not say."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def pairs(written: Sequence[str]) -> dict[str, str]:
    """`k=v` of each --data."""
    found: dict[str, str] = {}
    for item in written:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f'"{item}" is not key=value, such as reason="photo unreadable"', param_hint="--data")
        found[key.strip()] = value
    return found
