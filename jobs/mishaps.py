"""What an exception means: the database is away, or one thing cannot be worked on; and how it is told without anybody's data."""

from __future__ import annotations

import traceback
from pathlib import Path

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from config.problems import ConfigError
from config.templating import RenderError

# SQLSTATE classes that say something of the server or of the moment, not of the row that was worked on: connection, rollback
# (deadlock, serialization), no resources (disk full, too many connections), not now (locked), operator, system.
_OF_THE_MOMENT = ("08", "40", "53", "55", "57", "58")
_OURS = Path(__file__).resolve().parents[1]


def is_outage(error: BaseException) -> bool:
    """Whether the same would happen to anything else just now: then it is tried again, and nothing is set aside for it."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or error.orig is None or is_outage(error.orig)
    if isinstance(error, psycopg.Error):
        state = error.sqlstate
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) if state is None else state.startswith(_OF_THE_MOMENT)
    return isinstance(error, ConnectionError | TimeoutError | PoolTimeout)  # any other OSError is of a file, or of a zone's name


def words(error: BaseException) -> str:
    """The class of an error, with its own words only where these never hold a value; a database's text quotes the row it failed on."""
    inner = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    name = type(inner).__name__
    if isinstance(inner, ConfigError):
        return f"{name}: {inner.problems[0]}"[:200]
    if isinstance(inner, RenderError):
        return f"{name}: {inner}"[:200]
    if isinstance(error, SQLAlchemyError):
        return name
    place = _place(error)
    return f"{name} at {place}" if place else name


def _place(error: BaseException) -> str | None:
    """The innermost line of our own."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_OURS) and "site-packages" not in path.parts:
            return f"{path.relative_to(_OURS).as_posix()}:{frame.lineno}"
    return None
