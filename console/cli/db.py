"""db upgrade: migrations, for those who run them before the daemon."""

from __future__ import annotations

import asyncio

import typer

from config.settings import Settings
from console.cli.common import operator
from console.cli.guard import run
from console.cli.times import wall_clock
from store import schema, ticks
from store.engine import database_uri, open_database, reachable


def upgrade() -> None:
    """Bring the database to the schema of this version; nothing happens when it is there already."""
    changed = run(_upgrade(Settings.read()))
    typer.echo("the schema is up to date now" if changed else "the schema was up to date already")


async def _upgrade(settings: Settings) -> bool:
    database = open_database(await asyncio.to_thread(database_uri, settings))
    try:
        await reachable(database)
        changed = await schema.upgrade(database)
        if changed:
            async with database.begin() as connection:
                await ticks.record(connection, actor=operator(), action="db.upgrade", detail={}, now=wall_clock())
        return changed
    finally:
        await database.close()
