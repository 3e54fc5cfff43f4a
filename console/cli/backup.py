"""db dump, db restore: the whole database as a file, and a paused instance made of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from config.settings import Settings
from console.cli.common import fault, operator
from console.cli.guard import run
from store import backup, identity, schema, ticks
from store.engine import Database, database_uri, open_database, reachable
from store.identity import DUMPED, Halt
from store.tools import find

By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log.")]


def dump(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Take the place of a file that is there.")] = False,
    by: By = None,
) -> None:
    """The whole database as one file in pg_dump's custom format, of one moment, while everything goes on.

    It holds customers' addresses and messages: only its owner may read it, and it belongs on an encrypted disk.
    """
    size = run(_dump(Settings.read(), file, force, by or operator()))
    typer.echo(f"{file}: {size:,} bytes; try it on an empty database with `kabar db restore`")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `kabar db dump` or `pg_dump -Fc` wrote.", show_default=False)],
    by: By = None,
) -> None:
    """Fill an empty database from a dump, and stop everything in it until somebody says `kabar resume --all`.

    All of it in one transaction: nobody ever sees the messages without the stop.
    """
    halt = run(_restore(Settings.read(), file, by or operator()))
    words = halt.words if halt else "restored"
    typer.echo(f"{file}: {words}; everything is stopped")
    typer.echo("start Kabar, look at `kabar status`, settle what may have gone since (docs/runbook.md), then `kabar resume --all`")


@asynccontextmanager
async def _bare(settings: Settings) -> AsyncIterator[Database]:
    """A database of whatever schema, or of none."""
    database = open_database(await asyncio.to_thread(database_uri, settings))
    try:
        await reachable(database)
        yield database
    finally:
        await database.close()


async def _dump(settings: Settings, file: Path, force: bool, by: str) -> int:
    if file.exists() and not force:
        raise fault(str(file), "is there already; name another file, or say --force")
    async with _bare(settings) as database:
        async with database.begin() as connection:
            if not await backup.occupied(connection):
                raise fault("KABAR_DATABASE_URL", "there is nothing in this database; is it the right one?")
            using = find(await backup.major(connection), settings.pg_tools)
            await ticks.set_fact(connection, DUMPED, {"by": by}, datetime.now(UTC))
            if not await schema.behind(connection):  # one of an older version is often made just before `kabar db upgrade`
                await ticks.record(connection, actor=by, action="dump", detail={"file": file.name}, now=datetime.now(UTC))
        return await backup.dump(database.conninfo, file, using, force=force)


async def _restore(settings: Settings, file: Path, by: str) -> Halt | None:
    if not file.is_file():
        raise fault(str(file), "there is no such file")
    async with _bare(settings) as database, database.alone() as holding:
        if await backup.occupied(holding):
            words = "this database is not empty; make a new one (createdb, or another KABAR_VAR_DIR) and restore into that"
            raise fault("KABAR_DATABASE_URL", words)
        if n := await backup.others(holding):
            raise fault("KABAR_DATABASE_URL", f"{n} other sessions work on this database; stop Kabar everywhere first")
        await backup.hold(holding)
        if await backup.occupied(holding):
            raise fault("KABAR_DATABASE_URL", "somebody else made a schema here just now; stop Kabar everywhere first")
        using = find(await backup.major(holding), settings.pg_tools)
        await backup.restore(database.conninfo, file, using)
    async with _bare(settings) as database:
        await schema.upgrade(database)
        async with database.begin() as connection:
            await identity.adopt(connection, datetime.now(UTC))
            await ticks.record(connection, actor=by, action="restore", detail={"file": file.name}, now=datetime.now(UTC))
            return await identity.halted(connection)
