"""A look into a database that is there already, for commands that also do without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from config.problems import ConfigError, Problem
from config.settings import Settings
from store import presence, schema
from store.engine import database_uri, open_database, reachable


class NothingToSee(Exception):
    """There is no database to look into; says why."""


@asynccontextmanager
async def glance(settings: Settings, *, start: bool) -> AsyncIterator[AsyncConnection]:
    """A connection that writes nothing. start: an embedded server that rests is started; a new one is never made.

    Raises NothingToSee, and ConfigError for a database that is named and not usable.
    """
    embedded = settings.var_dir / "postgres"
    if settings.database_url is None and not presence.exists(embedded):
        raise NothingToSee("there is no database yet; KABAR_DATABASE_URL names one, `kabar up` makes one")
    if settings.database_url is None and not start and not presence.running(embedded):
        raise NothingToSee("the embedded database is not running; `kabar check --volume` starts it")
    database = open_database(await asyncio.to_thread(database_uri, settings))
    try:
        await reachable(database)
        async with database.engine.connect() as connection:
            if await schema.behind(connection):
                message = "the database has not the schema of this version; run `kabar db upgrade` first"
                raise ConfigError([Problem("KABAR_DATABASE_URL", 0, 0, message)])
            yield connection
    finally:
        await database.close()
