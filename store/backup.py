"""A dump of the whole database as one file, and a database made of one: paused in the transaction that brings it into being."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from config.problems import ConfigError, Problem
from store import identity, tools
from store.statements import rows, sql
from store.tools import Tools

_VERSION = sql("SELECT current_setting('server_version_num')::int / 10000 AS major")
_CONTENT = sql(
    """SELECT count(*) AS n FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
       WHERE s.nspname !~ '^pg_' AND s.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')"""
)
_OTHERS = sql(
    """SELECT count(*) AS n FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
)
_HOLD = sql("SELECT pg_advisory_lock(hashtext('kabar.schema'))")
# Jobs are nudges: the sweep makes new ones. Workers of the dump are dead.
_JOBS = ("procrastinate_periodic_defers", "procrastinate_events", "procrastinate_jobs", "procrastinate_workers")
# In psql's words, in the transaction that the dump is read in: whoever sees the tables sees the stop.
_PAUSE = f"""
RESET search_path;
{"".join(f"DELETE FROM {name};" for name in _JOBS)}
INSERT INTO facts (name, value, at)
  SELECT 'restored', jsonb_build_object('why', 'restored', 'of', greatest((SELECT max(last_ok_at) FROM ticks),
                                                                           (SELECT at FROM facts WHERE name = 'dumped'))), now()
  ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at;
INSERT INTO pauses (campaign, channel, reason, set_by, set_at)
  SELECT NULL, NULL, 'restored from a dump of ' || coalesce(
           to_char(CAST(value ->> 'of' AS timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || 'Z', 'an unknown time'), 'kabar', now()
  FROM facts WHERE name = 'restored'
  ON CONFLICT (campaign, channel) DO UPDATE SET reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at;
{identity.LET_LAPSE.text};
UPDATE messages SET lease_until = released_at WHERE status = 'sending';
"""
_PART = 1 << 16
_TOLD = 2_000


async def major(connection: AsyncConnection) -> int:
    """The server's version."""
    return int((await rows(connection, _VERSION))[0].major)


async def occupied(connection: AsyncConnection) -> bool:
    """Whether there is anything in the database."""
    return bool((await rows(connection, _CONTENT))[0].n)


async def others(connection: AsyncConnection) -> int:
    """How many other sessions work on the database."""
    return int((await rows(connection, _OTHERS))[0].n)


async def hold(connection: AsyncConnection) -> None:
    """Keep every process that would make a schema here waiting for as long as this session lasts."""
    await connection.execute(_HOLD)


async def dump(uri: str, target: Path, using: Tools, *, force: bool) -> int:
    """Bytes written. The file appears whole or not at all, for its owner's eyes only. Raises ConfigError."""
    where, environment = tools.connection(uri)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        command = [using.command("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--file={part}", f"--dbname={where}"]
        async with _running([*command, *(f"--exclude-table-data={name}" for name in _JOBS)], environment, stderr=PIPE) as process:
            _, told = await process.communicate()
        if process.returncode != 0:
            raise _refused(target, f"pg_dump failed: {_words(told)}")
        _keep(part, target, force=force)
        return target.stat().st_size
    finally:
        part.unlink(missing_ok=True)


def _keep(part: Path, target: Path, *, force: bool) -> None:
    """On the disk before it has its name."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    if force:
        part.replace(target)
        return
    try:
        os.link(part, target)  # unlike a rename, it takes nobody's place
    except FileExistsError:
        raise _refused(target, "is there already; name another file, or say --force") from None


async def restore(uri: str, source: Path, using: Tools) -> None:
    """Everything of the dump and the stop, or nothing of it. Raises ConfigError."""
    where, environment = tools.connection(uri)
    read = [using.command("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(source)]
    write = [
        using.command("psql"),
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--single-transaction",
        f"--dbname={where}",
        "--file=-",
    ]
    async with (
        _running(read, environment, stdout=PIPE, stderr=PIPE) as reader,
        _running(write, environment, stdin=PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=PIPE) as writer,
    ):
        unread, unwritten = (asyncio.create_task(_all(process.stderr)) for process in (reader, writer))
        broken = not await _pour(reader, writer)
        if not broken and await reader.wait() != 0:
            # Before its input ends, which psql would take for the end of the transaction.
            writer.kill()
            raise _refused(source, f"pg_restore failed: {_words(await unread)}")
        if not broken and writer.stdin is not None:
            with suppress(BrokenPipeError, ConnectionResetError):
                writer.stdin.write(_PAUSE.encode())
                await writer.stdin.drain()
                writer.stdin.close()
        if await writer.wait() != 0 or broken:
            raise _refused(source, f"the dump was not taken, and nothing was changed: {_words(await unwritten)}")


async def _pour(reader: Process, writer: Process) -> bool:
    """False when the other end would not take it all."""
    while reader.stdout is not None and writer.stdin is not None and (part := await reader.stdout.read(_PART)):
        try:
            writer.stdin.write(part)
            await writer.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return False
    return True


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    """The beginning of it; the rest is read and forgotten."""
    kept = b""
    while stream is not None and (part := await stream.read(_PART)):
        kept += part[: max(_TOLD - len(kept), 0)]
    return kept


@asynccontextmanager
async def _running(
    command: list[str], environment: dict[str, str], *, stdin: int | None = None, stdout: int | None = None, stderr: int | None = None
) -> AsyncIterator[Process]:
    """Killed if it is still there at the end."""
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _words(told: bytes) -> str:
    lines = [line.strip() for line in told.decode(errors="replace").splitlines() if line.strip()]
    return "; ".join(lines[:3]) or "no reason is given"


def _refused(file: Path, message: str) -> ConfigError:
    return ConfigError([Problem(str(file), 0, 0, message)])
