"""keys: who may call the HTTP face, and for what. A key is shown once, when it is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from config.settings import Settings
from config.values import parse_duration
from console.cli.common import company_zone, fault, operator, screen
from console.cli.guard import run
from console.cli.times import parse_since
from jobs.api_keys import KeyScope, make_key
from scheduler.bootstrap import open_house
from store import api_keys, ticks
from store.api_keys import StoredKey

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is, such as crm or app-backend.", show_default=False)]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log; default: the login name.")]


def create(
    name: Name,
    scope: Annotated[list[KeyScope], typer.Option("--scope", help="What it opens; once for each.", show_default=False)],
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="T", help="When it ends: 90d, 2027-06-30. Default: never.", show_default=False)
    ] = None,
    by: By = None,
) -> None:
    """Make a key and show it, this once: only its hash is kept. The web processes know it at once."""
    if not _NAME.fullmatch(name):
        raise typer.BadParameter("small letters, digits, dots and dashes, such as app-backend", param_hint="NAME")
    typer.echo(run(_create(Settings.read(), name, sorted(set(scope)), expires, by or operator())))
    typer.echo("This key is not shown again. Send it as Authorization: Bearer KEY.", err=True)


async def _create(settings: Settings, name: str, scopes: Sequence[KeyScope], expires: str | None, by: str) -> str:
    made = make_key()
    async with open_house(settings) as house, house.database.begin() as connection:
        now = house.clock.now()
        ends = _ends(expires, await company_zone(house), now) if expires else None
        new = await api_keys.add(connection, key_id=made.id, name=name, digest=made.digest, scopes=scopes, by=by, expires_at=ends, now=now)
        if not new:
            raise fault("NAME", f'there is a key "{name}"; take another name, or `kabar keys revoke {name}` first')
        detail = {"key": name, "id": made.id, "scopes": list(scopes), "expires_at": ends.isoformat() if ends else None}
        await ticks.record(connection, actor=by, action="keys.create", detail=detail, now=now)
    return made.text


def _ends(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    try:
        ends = now + parse_duration(text.strip())
    except (ValueError, OverflowError):  # not a duration: it may be a date
        ends = parse_since(text, zone, now, "--expires")
    if ends <= now:
        raise typer.BadParameter(f'"{text}" is over; write a time to come, or 90d', param_hint="--expires")
    return ends


def listed() -> None:
    """Every key by name, never the key itself: what it opens, when it was last used (to the minute), when it ends or ended."""
    found, now, zone = run(_listed(Settings.read()))
    table = Table("name", "id", "scopes", "created", "by", "last used", "expires", "")
    for key in found:
        moments = (key.created_at, key.last_used_at, key.expires_at)
        created, used, expires = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "never" for at in moments)
        table.add_row(key.name, key.id, ", ".join(key.scopes), created, key.created_by, used, expires, _state(key, now))
    screen().print(table, markup=False)


async def _listed(settings: Settings) -> tuple[list[StoredKey], datetime, ZoneInfo]:
    async with open_house(settings) as house, house.database.begin() as connection:
        return await api_keys.every(connection), house.clock.now(), await company_zone(house)


def _state(key: StoredKey, now: datetime) -> str:
    if key.revoked_at:
        return f"revoked by {key.revoked_by}"
    return "expired" if key.expires_at and key.expires_at <= now else ""


def revoke(name: Name, by: By = None) -> None:
    """End a key. Web processes believe it five seconds more at most."""
    run(_revoke(Settings.read(), name, by or operator()))
    typer.echo(f"key {name} is revoked; web processes know within five seconds")


async def _revoke(settings: Settings, name: str, by: str) -> None:
    async with open_house(settings) as house, house.database.begin() as connection:
        now = house.clock.now()
        key_id = await api_keys.revoke(connection, name, by, now)
        if key_id is None:
            raise fault("NAME", f'there is no key "{name}" in force; kabar keys list shows them')
        await ticks.record(connection, actor=by, action="keys.revoke", detail={"key": name, "id": key_id}, now=now)
