"""db upgrade: migrations, for those who run them before the daemon."""

from __future__ import annotations

import asyncio

import typer

from config.settings import Settings
from console.cli.guard import run
from store import schema
from store.engine import database_uri, open_database, reachable


def upgrade() -> None:
    """Bring the database to the schema of this version; nothing happens when it is there already."""
    changed = run(_upgrade(Settings.read()))
    typer.echo("the schema is up to date now" if changed else "the schema was up to date already")


async def _upgrade(settings: Settings) -> bool:
    database = open_database(await asyncio.to_thread(database_uri, settings))
    try:
        await reachable(database)
        return await schema.upgrade(database)
    finally:
        await database.close()
